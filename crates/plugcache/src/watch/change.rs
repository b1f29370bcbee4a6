//! What differs between two proven answers.

use std::{collections::HashMap, sync::Arc};

use plugcache_cache::Digest;
use plugcache_discovery::{
    index::{Candidate, Snapshot},
    plugin::Plugin,
    tree::FileId,
};

/// A plugin that came, went, or is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// There is one more.
    Added {
        /// What it is.
        new: Arc<Plugin>,
    },
    /// A plugin of this name is another one, stands elsewhere, or says something else of itself.
    Changed {
        /// What it was.
        old: Arc<Plugin>,
        /// What it is.
        new: Arc<Plugin>,
    },
    /// It is gone.
    Removed {
        /// What it was.
        old: Arc<Plugin>,
    },
}

impl Change {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Added { new } | Self::Changed { new, .. } => &new.name,
            Self::Removed { old } => &old.name,
        }
    }

    /// The file that defines it, or did.
    pub fn file(&self) -> &str {
        match self {
            Self::Added { new } | Self::Changed { new, .. } => &new.file,
            Self::Removed { old } => &old.file,
        }
    }
}

/// A plugin as a proven answer has it, short enough to be compared with the next one's.
#[derive(Debug, Clone)]
pub(super) struct Print {
    candidate: Candidate,
    file: Arc<str>,
    /// Of its record and of all files that it rests on.
    digest: Digest,
}

impl Print {
    fn is_same(&self, other: &Self) -> bool {
        self.file == other.file && self.digest == other.digest
    }
}

/// Every plugin of a snapshot, by name, then precedence.
pub(super) fn prints(snapshot: &Snapshot) -> Vec<Print> {
    let mut behind: HashMap<FileId, (Arc<str>, Digest)> = HashMap::new();
    let print = |candidate: Candidate| {
        let (file, content) = behind.entry(candidate.record.file).or_insert_with(|| {
            let evidence = snapshot.evidence(&candidate);
            let parts = evidence.iter().flat_map(|one| [one.file.as_bytes(), &one.digest.0]);
            let file = evidence.first().map_or("", |own| own.file.as_str()).into();
            (file, Digest::of_key(parts))
        });
        let record = &candidate.record;
        let parts: [&[u8]; 4] =
            [record.name.as_bytes(), &record.line.to_le_bytes(), &record.payload, &content.0];
        let (file, digest) = (Arc::clone(file), Digest::of_key(parts));
        Print { candidate, file, digest }
    };
    snapshot.all().into_iter().map(print).collect()
}

/// What became of the plugins of `old` in `new`, by name.
pub(super) fn between(old: (&Snapshot, &[Print]), new: (&Snapshot, &[Print])) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut before, mut after) = (groups(old.1).peekable(), groups(new.1).peekable());
    loop {
        let (left, right) = match (before.peek(), after.peek()) {
            (Some(left), Some(right)) => {
                let order = name(left).cmp(name(right));
                (order.is_le(), order.is_ge())
            }
            (left, right) => (left.is_some(), right.is_some()),
        };
        if !left && !right {
            return changes;
        }
        let gone = if left { before.next() } else { None }.unwrap_or_default();
        let come = if right { after.next() } else { None }.unwrap_or_default();
        of_name((old.0, gone), (new.0, come), &mut changes);
    }
}

/// Runs of one name. Snapshots list by name.
fn groups(prints: &[Print]) -> impl Iterator<Item = &[Print]> {
    prints.chunk_by(|one, other| one.candidate.record.name == other.candidate.record.name)
}

fn name(group: &[Print]) -> &str {
    group.first().map_or("", |print| &print.candidate.record.name)
}

/// Pairs what has one name: unchanged ones first, then those of one file, then the rest in order.
fn of_name(old: (&Snapshot, &[Print]), new: (&Snapshot, &[Print]), changes: &mut Vec<Change>) {
    let mut gone: Vec<&Print> = old.1.iter().collect();
    let mut come: Vec<&Print> = new.1.iter().collect();
    let _ = pair(&mut gone, &mut come, Print::is_same);
    let mut pairs = pair(&mut gone, &mut come, |one, other| one.file == other.file);
    pairs.extend(pair(&mut gone, &mut come, |_, _| true));
    let was = |print: &Print| Arc::new(old.0.describe(&print.candidate));
    let is = |print: &Print| Arc::new(new.0.describe(&print.candidate));
    for (before, after) in pairs {
        let (old, new) = (was(before), is(after));
        if old != new {
            changes.push(Change::Changed { old, new });
        }
    }
    changes.extend(gone.into_iter().map(|print| Change::Removed { old: was(print) }));
    changes.extend(come.into_iter().map(|print| Change::Added { new: is(print) }));
}

/// Takes the pairs that fit out of both.
fn pair<'a>(
    gone: &mut Vec<&'a Print>,
    come: &mut Vec<&'a Print>,
    fits: impl Fn(&Print, &Print) -> bool,
) -> Vec<(&'a Print, &'a Print)> {
    let mut pairs = Vec::new();
    gone.retain(|before| match come.iter().position(|after| fits(before, after)) {
        Some(at) => {
            pairs.push((*before, come.remove(at)));
            false
        }
        None => true,
    });
    pairs
}
