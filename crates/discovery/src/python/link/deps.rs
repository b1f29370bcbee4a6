//! Sets of files that an outcome rests on.
//!
//! Thousands of classes rest on a handful of sets, so each set is stored once and passed around as a
//! number; joining two is a look-up after the first time. A set is a function of what was looked at and
//! not of the order in which it was, so that linking some files gives what linking all gives.

use std::collections::HashMap;

use super::hash::Fast;
use crate::tree::FileId;

/// A set of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::python) struct Deps(u32);

/// Every set that came up.
pub(in crate::python) struct DepSets {
    sets: Vec<Box<[FileId]>>,
    ids: HashMap<Box<[FileId]>, Deps, Fast>,
    joined: HashMap<(Deps, Deps), Deps, Fast>,
}

impl Default for DepSets {
    fn default() -> Self {
        let mut ids = HashMap::default();
        ids.insert(Box::default(), Deps(0));
        Self { sets: vec![Box::default()], ids, joined: HashMap::default() }
    }
}

impl DepSets {
    pub(in crate::python) fn of(&mut self, file: FileId) -> Deps {
        self.intern(vec![file])
    }

    pub(in crate::python) fn join(&mut self, a: Deps, b: Deps) -> Deps {
        if a == b || b == Deps::default() {
            return a;
        }
        if a == Deps::default() {
            return b;
        }
        let key = if a.0 < b.0 { (a, b) } else { (b, a) };
        if let Some(known) = self.joined.get(&key) {
            return *known;
        }
        let mut files = [self.files(a), self.files(b)].concat();
        files.sort_unstable();
        files.dedup();
        let joined = self.intern(files);
        self.joined.insert(key, joined);
        joined
    }

    pub(in crate::python) fn files(&self, deps: Deps) -> &[FileId] {
        self.sets.get(deps.0 as usize).map_or(&[], |set| set)
    }

    fn intern(&mut self, files: Vec<FileId>) -> Deps {
        let files = files.into_boxed_slice();
        if let Some(known) = self.ids.get(&files) {
            return *known;
        }
        let id = Deps(self.sets.len() as u32);
        self.sets.push(files.clone());
        self.ids.insert(files, id);
        id
    }
}
