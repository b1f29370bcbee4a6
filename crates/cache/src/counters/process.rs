//! The counters' file of one process.

use std::{
    ffi::CString,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::block::{Block, Counters, LONGEST_NAME, WORDS};
use crate::{
    clock::{Clock, Timestamp},
    error::Result,
    fs::{Directory, SharedWords},
    lock::{self, Lock},
};

/// Most caches of a process whose counters others can see; those of more caches stay private.
const MOST_CACHES: usize = 64;

/// Word 0: layout. 1: process id. 2: when it began, ns. 3: blocks in use. 8–15: the program's name.
const LAYOUT: u64 = 0x706c_7563_0001_0000;
const HEADER: usize = 64;
const PROGRAM: usize = 8;
const PROGRAM_WORDS: usize = 8;

/// Ending of the file with the counters, and of the lock that says that its process lives.
pub(super) const WORDS_ENDING: &str = ".counters";
pub(super) const LOCK_ENDING: &str = ".alive";

/// A process that counts, or has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its program's name.
    pub program: String,
    /// When it opened its hub.
    pub began: Timestamp,
}

/// The counters' file of this process.
#[derive(Debug)]
pub(crate) struct ProcessFile {
    words: Arc<SharedWords>,
    _alive: Option<Lock>,
}

impl ProcessFile {
    /// Makes the file in the statistics' directory.
    pub(crate) fn create(directory: &Directory, clock: &dyn Clock) -> Result<Self> {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let name = format!("{}-{random:016x}", std::process::id());
        let named = |ending: &str| CString::new(format!("{name}{ending}")).unwrap_or_default();
        let alive = lock::acquire(directory, &named(LOCK_ENDING), Duration::ZERO, clock)?;
        let words = SharedWords::open(directory, &named(WORDS_ENDING), HEADER + MOST_CACHES * WORDS)?;
        let file = Self { words: Arc::new(words), _alive: Some(alive) };
        file.write_header(clock.wall());
        Ok(file)
    }

    /// Counters that only this process sees.
    pub(crate) fn private() -> Self {
        Self { words: Arc::new(SharedWords::anonymous(HEADER + MOST_CACHES * WORDS)), _alive: None }
    }

    fn write_header(&self, now: Timestamp) {
        let words = self.words.words();
        words[1].store(std::process::id().into(), Ordering::Relaxed);
        words[2].store(now.0.cast_unsigned(), Ordering::Relaxed);
        let program = program_name();
        let mut bytes = [0; PROGRAM_WORDS * 8];
        bytes.iter_mut().zip(program.bytes()).for_each(|(place, byte)| *place = byte);
        for (word, chunk) in words.iter().skip(PROGRAM).zip(bytes.chunks_exact(8)) {
            word.store(u64::from_le_bytes(chunk.try_into().unwrap_or_default()), Ordering::Relaxed);
        }
        words[0].store(LAYOUT, Ordering::Release);
    }

    /// Gives a cache its block. A cache that was dropped and is built again goes on counting in its old
    /// one; when all are taken, it counts in private.
    pub(crate) fn counters(&self, name: &str) -> Counters {
        let words = self.words.words();
        let used = usize::try_from(words[3].load(Ordering::Acquire)).unwrap_or(MOST_CACHES).min(MOST_CACHES);
        let old = blocks(words).take(used).position(|block| block.name() == name);
        let position = old.unwrap_or(used);
        let start = HEADER + position * WORDS;
        let Some(block) = Block::at(words, start) else { return Counters::private() };
        if old.is_none() {
            block.set_name(name.get(..LONGEST_NAME).unwrap_or(name));
            words[3].store(used as u64 + 1, Ordering::Release);
        }
        Counters::new(Arc::clone(&self.words), start)
    }
}

/// All blocks of a file, used or not.
pub(super) fn blocks(words: &[std::sync::atomic::AtomicU64]) -> impl Iterator<Item = Block<'_>> {
    (0..MOST_CACHES).map_while(move |position| Block::at(words, HEADER + position * WORDS))
}

/// Whose file it is; `None` for one of another layout.
pub(super) fn process_of(words: &SharedWords) -> Option<Process> {
    let words = words.words();
    if words.len() != HEADER + MOST_CACHES * WORDS || words[0].load(Ordering::Acquire) != LAYOUT {
        return None;
    }
    let program = words[PROGRAM..PROGRAM + PROGRAM_WORDS].iter();
    let program = program.flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
    let program: Vec<u8> = program.take_while(|byte| *byte != 0).collect();
    Some(Process {
        id: u32::try_from(words[1].load(Ordering::Relaxed)).unwrap_or(0),
        program: String::from_utf8_lossy(&program).into_owned(),
        began: Timestamp(words[2].load(Ordering::Relaxed).cast_signed()),
    })
}

/// Opens the file that collects the counts of past processes.
pub(super) fn open_past(directory: &Directory) -> Result<ProcessFile> {
    let words = SharedWords::open(directory, c"past.counters", HEADER + MOST_CACHES * WORDS)?;
    words.words()[0].store(LAYOUT, Ordering::Release);
    Ok(ProcessFile { words: Arc::new(words), _alive: None })
}

fn program_name() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().unwrap_or(Path::new("?").as_os_str()).to_string_lossy().into_owned()
}
