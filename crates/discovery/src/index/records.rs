//! All records at once, borrowed from the index: for lists that are long and asked for often.

use plugcache_cache::StaleReason;

use super::open::Index;

impl Index {
    /// Shows every plugin's name and payload, in order of precedence (first root first, then as files
    /// were walked, then as plugins stand in their file). `take` answers `None` for a payload that it
    /// cannot read, which is damage like any other.
    pub fn for_each_record<'a>(
        &'a self,
        mut take: impl FnMut(&'a str, &'a [u8]) -> Option<()>,
    ) -> Result<(), StaleReason> {
        let table = self.plugin_rows().map_err(|_| self.damaged("plugins"))?;
        let mut rows = Vec::with_capacity(table.len());
        for row in table.iter() {
            let row = row.map_err(|_| self.damaged("plugins"))?;
            rows.push((u64::from(row.file.get()) << 32 | u64::from(row.ordinal.get()), &row.record));
        }
        rows.sort_unstable_by_key(|(order, _)| *order);
        for (_, record) in rows {
            let read = || {
                let (_, rest) = self.heap(record)?.split_first_chunk::<4>()?;
                let (length, rest) = rest.split_first_chunk::<4>()?;
                let (name, payload) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                Some((std::str::from_utf8(name).ok()?, payload))
            };
            let taken = read().and_then(|(name, payload)| take(name, payload));
            taken.ok_or_else(|| self.damaged("record"))?;
        }
        Ok(())
    }
}
