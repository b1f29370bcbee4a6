//! Copies of a log at a moment, each a log of its own: in `snapshots/<prefix>-<UTC time>`.
//!
//! Full segments never change, so a snapshot has them as second names of the same files; the last one is copied. So
//! a snapshot costs at most a segment, and keeps what is removed or cut from the log. It does not keep what rots on
//! the medium, nor the log from somebody who writes into its files: for that, copy it elsewhere.

use std::{
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use plugcache_cache::{
    Timestamp,
    directory::{open_existing, open_or_create_plain},
    fs::{Directory, Kind, c_path, publish_durably},
};

use super::{
    Head, Kept, Ledger, LedgerError, Retention, Shared,
    head::{self, Anchor},
    segment::{self, name},
    state::State,
};

/// The directory of snapshots, in the log's.
const PLACE: &str = "snapshots";
/// Start of names of snapshots that are being made or removed.
const PARTIAL: &str = ".partial-";
/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// A copy of a log at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its directory's name.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// When it was made, to the second, as its name says.
    pub time: Timestamp,
}

/// A snapshot, and what retention says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Why it stays; [`Kept::No`]: it is removed, or would be.
    pub kept: Kept,
}

impl Ledger {
    /// Makes a snapshot, `<prefix>-<UTC time>`. Nobody appends meanwhile.
    pub fn snapshot(&self, prefix: &str) -> Result<(Snapshot, Head), LedgerError> {
        check_prefix(prefix)?;
        let shared = &*self.shared;
        let place = open_or_create_plain(&shared.directory.path().join(PLACE))?;
        shared.directory.synchronise()?;
        let now = shared.clock.wall();
        shared.alone(|state| {
            state.synchronise(shared.clock.monotonic())?;
            let partial = format!("{PARTIAL}{}-{}", std::process::id(), now.0);
            let filled = fill(shared, state, &open_or_create_plain(&place.path().join(&partial))?);
            let named = filled.and_then(|()| {
                let name = free_name(&place, prefix, now)?;
                place.rename_durably(&c_path(partial.as_bytes())?, &c_path(name.as_bytes())?)?;
                Ok(name)
            });
            match named {
                Ok(name) => {
                    let time = time_of(prefix, &name).unwrap_or(now);
                    Ok((Snapshot { path: place.path().join(&name), name, time }, state.head()))
                }
                Err(error) => {
                    // What stays is taken away with the next pruning.
                    let _ = remove(&place, partial.as_bytes());
                    Err(error)
                }
            }
        })
    }

    /// All snapshots of a prefix, oldest first.
    pub fn snapshots(&self, prefix: &str) -> Result<Vec<Snapshot>, LedgerError> {
        check_prefix(prefix)?;
        let Some(place) = open_existing(&self.path().join(PLACE))? else { return Ok(Vec::new()) };
        let ours = |(name, kind): (Vec<u8>, Kind)| {
            let name = String::from_utf8(name).ok().filter(|_| kind == Kind::Directory)?;
            let time = time_of(prefix, &name)?;
            Some(Snapshot { path: place.path().join(&name), name, time })
        };
        let mut all: Vec<Snapshot> = place.list()?.0.into_iter().filter_map(ours).collect();
        all.sort_by(|a, b| (a.time, a.name.len(), &a.name).cmp(&(b.time, b.name.len(), &b.name)));
        Ok(all)
    }

    /// Removes the snapshots of a prefix that nobody needs any more, unless it is only to say which. What is not a
    /// snapshot by its name and its files stays.
    pub fn prune_snapshots(
        &self,
        prefix: &str,
        retention: Retention,
        is_dry: bool,
    ) -> Result<Vec<Pruned>, LedgerError> {
        let all = self.snapshots(prefix)?;
        let times: Vec<Timestamp> = all.iter().map(|snapshot| snapshot.time).collect();
        let verdicts = retention.judge(&times, self.shared.clock.wall());
        let mut pruned: Vec<Pruned> =
            all.into_iter().zip(verdicts).map(|(snapshot, kept)| Pruned { snapshot, kept }).collect();
        if is_dry {
            return Ok(pruned);
        }
        let Some(place) = open_existing(&self.path().join(PLACE))? else { return Ok(pruned) };
        // While snapshots are made, what looks half-made may be one.
        self.shared.alone(|_| {
            for (name, kind) in place.list()?.0 {
                if kind == Kind::Directory && name.starts_with(PARTIAL.as_bytes()) {
                    remove(&place, &name)?;
                }
            }
            Ok(())
        })?;
        let mut refused = Vec::new();
        for (at, gone) in pruned.iter().enumerate().filter(|(_, pruned)| pruned.kept == Kept::No) {
            let name = gone.snapshot.name.as_bytes();
            if !has_only_ours(&place.open_below(&c_path(name)?)?)? {
                tracing::warn!("{} has files that are no log's; it stays", gone.snapshot.path.display());
                refused.push(at);
                continue;
            }
            // First another name, so that a killed process leaves nothing that looks like a whole snapshot.
            let partial = [PARTIAL.as_bytes(), name].concat();
            place.rename_durably(&c_path(name)?, &c_path(&partial)?)?;
            remove(&place, &partial)?;
        }
        refused.iter().rev().for_each(|at| drop(pruned.remove(*at)));
        Ok(pruned)
    }
}

fn check_prefix(prefix: &str) -> Result<(), LedgerError> {
    let usual = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let is_right = (1..=63).contains(&prefix.len()) && prefix.bytes().all(usual);
    if is_right { Ok(()) } else { Err(LedgerError::Prefix { name: prefix.to_owned() }) }
}

/// Gives a directory what makes it a log of its own. The log is locked and on the medium.
fn fill(shared: &Shared, state: &State, into: &Directory) -> Result<(), LedgerError> {
    let from = &shared.directory;
    let anchor: Anchor = state.anchor();
    for first in segment::list(from)?.into_iter().filter(|first| *first < anchor.first) {
        for name in [segment::name_of(first), segment::index_name(first)] {
            from.link(&name, into, &name)?;
        }
    }
    let mut tail = vec![0; anchor.end as usize];
    let read = state.tail().read_at(&mut tail, 0)?;
    tail.truncate(read);
    publish_durably(into, &segment::name_of(anchor.first), &[&tail])?;
    anchor.create(into)
}

/// `<prefix>-2026-11-21T173000Z`, and a number behind it for the second one of a second.
fn free_name(place: &Directory, prefix: &str, now: Timestamp) -> Result<String, LedgerError> {
    let seconds = now.0.div_euclid(1_000_000_000).clamp(0, LATEST).unsigned_abs();
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
    let name = format!("{prefix}-{}", time.to_string().replace(':', ""));
    let names = std::iter::once(name.clone()).chain((2_u64..).map(|n| format!("{name}-{n}")));
    for name in names {
        if place.look(&c_path(name.as_bytes())?)?.is_none() {
            return Ok(name);
        }
    }
    Ok(name)
}

/// When a snapshot of this name was made; `None`: that is no snapshot of the prefix.
fn time_of(prefix: &str, name: &str) -> Option<Timestamp> {
    let rest = name.strip_prefix(prefix)?.strip_prefix('-')?;
    let (time, number) = rest.split_at_checked("2026-11-21T173000Z".len())?;
    let digits = number.strip_prefix('-').unwrap_or_default();
    let is_numbered = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if !number.is_empty() && !is_numbered {
        return None;
    }
    let (date, clock) = time.split_once('T')?;
    let (hour, minute, second) = (clock.get(..2)?, clock.get(2..4)?, clock.get(4..)?);
    let parsed = humantime::parse_rfc3339(&format!("{date}T{hour}:{minute}:{second}")).ok()?;
    let since = parsed.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
}

/// Whether a file is one that a log has.
fn is_ours(file: &[u8]) -> bool {
    let numbered = |ending: &[u8]| {
        file.strip_suffix(ending).is_some_and(|rest| rest.len() == 20 && rest.iter().all(u8::is_ascii_digit))
    };
    file == head::NAME.to_bytes()
        || file == super::LOCK.to_bytes()
        || file.starts_with(b".tmp-")
        || numbered(b".blocks")
        || numbered(b".index")
}

fn has_only_ours(directory: &Directory) -> Result<bool, LedgerError> {
    Ok(directory.list()?.0.iter().all(|(name, kind)| *kind == Kind::File && is_ours(name)))
}

/// Removes a snapshot that has its partial name, as far as its files are a log's.
fn remove(place: &Directory, partial: &[u8]) -> Result<(), LedgerError> {
    let partial = c_path(partial)?;
    let directory = place.open_below(&partial)?;
    for (file, _) in directory.list()?.0.into_iter().filter(|(file, _)| is_ours(file)) {
        directory.remove(&name(&String::from_utf8_lossy(&file)))?;
    }
    place.remove_directory(&partial)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_times() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let now = Timestamp(1_763_747_400_000_000_000);
        let first = free_name(&directory, "SNP-state", now).unwrap();
        assert_eq!(first, "SNP-state-2025-11-21T175000Z");
        assert_eq!(time_of("SNP-state", &first), Some(now));
        std::fs::create_dir(place.path().join(&first)).unwrap();
        let second = free_name(&directory, "SNP-state", now).unwrap();
        assert_eq!((second.strip_prefix(&first), time_of("SNP-state", &second)), (Some("-2"), Some(now)));
        for other in [
            "SNP-state",
            "SNP-state-",
            "SNP-state-2025",
            "SNP-stat-2025-11-21T175000Z",
            "SNP-state-2025-11-21T175000Z-x",
            "SNP-state-2025-11-21T175000Zé",
        ] {
            assert_eq!(time_of("SNP-state", other), None, "{other}");
        }
        for bad in ["", "a/b", "..", ".x"] {
            assert!(check_prefix(bad).is_err(), "{bad}");
        }
        // Clocks may say anything.
        for now in [Timestamp(i64::MIN), Timestamp(i64::MAX)] {
            assert!(time_of("p", &free_name(&directory, "p", now).unwrap()).is_some());
        }
    }
}
