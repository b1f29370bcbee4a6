//! Plugins of an index: by name, or all of them.

use plugcache_cache::StaleReason;

use super::{
    Candidate, Index,
    format::{self, PluginRow},
    table::Damaged,
};
use crate::{
    finder::RecordRef,
    tree::{FileId, RootId},
};

impl Index {
    /// Every plugin whose folded name is that of `name`, in order of precedence: first root first, then
    /// as their files were walked, then as they stand in their file.
    pub fn candidates(&self, name: &str) -> Result<Vec<Candidate>, StaleReason> {
        let damaged = |_: Damaged| self.damaged("plugins");
        let table = self.plugin_rows().map_err(damaged)?;
        let hash = format::name_hash(name);
        let mut at = table.lower_bound(hash, |row| row.hash.get()).map_err(damaged)?;
        let mut found = Vec::new();
        while let Some(row) =
            if at < table.len() { Some(table.get(at).ok_or(Damaged).map_err(damaged)?) } else { None }
        {
            if row.hash.get() != hash {
                break;
            }
            let candidate = self.candidate(&row)?;
            if format::fold(&candidate.record.name) == format::fold(name) {
                found.push(candidate);
            }
            at += 1;
        }
        Ok(found)
    }

    /// Every plugin, sorted by name, then precedence.
    pub fn all(&self) -> Result<Vec<Candidate>, StaleReason> {
        let rows = self.rows_in_order()?;
        let mut all = rows.iter().map(|row| self.candidate(row)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| a.record.name.cmp(&b.record.name));
        Ok(all)
    }

    /// Every record in order of precedence (first root first, then as the files were walked, then as
    /// plugins stand in their file), without copying it. `visit` answers `None` for a payload that it cannot
    /// read, which is damage like any other.
    pub fn for_each<'a>(
        &'a self,
        mut visit: impl FnMut(RecordRef<'a>) -> Option<()>,
    ) -> Result<(), StaleReason> {
        for row in self.rows_in_order()? {
            self.record(row).and_then(&mut visit).ok_or_else(|| self.damaged("record"))?;
        }
        Ok(())
    }

    /// The rows by file and ordinal. Both are dense, so that each row's place can be counted.
    fn rows_in_order(&self) -> Result<Vec<&PluginRow>, StaleReason> {
        let damaged = |_: Damaged| self.damaged("plugins");
        let rows = self.plugin_rows().map_err(damaged)?;
        let mut starts = vec![0_usize; self.file_count() + 1];
        for row in rows.iter() {
            let file = row.map_err(damaged)?.file.get() as usize;
            *starts.get_mut(file + 1).ok_or_else(|| self.damaged("plugins"))? += 1;
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let mut ordered = vec![None; rows.len()];
        for row in rows.iter().flatten() {
            let at = starts.get(row.file.get() as usize).map(|start| start + row.ordinal.get() as usize);
            if let Some(slot) = at.and_then(|at| ordered.get_mut(at)) {
                *slot = Some(row);
            }
        }
        ordered.into_iter().collect::<Option<_>>().ok_or_else(|| self.damaged("plugins"))
    }

    fn record(&self, row: &PluginRow) -> Option<RecordRef<'_>> {
        let blob = self.heap(&row.record)?;
        let (line, rest) = blob.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (name, payload) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let name = std::str::from_utf8(name).ok()?;
        Some(RecordRef { name, file: FileId(row.file.get()), line: u32::from_le_bytes(*line), payload })
    }

    fn candidate(&self, row: &PluginRow) -> Result<Candidate, StaleReason> {
        let read = || {
            let record = self.record(row)?;
            let directory = self.file_row(record.file)?.directory.get();
            let root = RootId(self.directory_row(directory)?.root.get());
            Some(Candidate { record: record.to_owned(), root })
        };
        read().ok_or_else(|| self.damaged("record"))
    }
}
