//! Whether a crash of the machine may have torn the database.
//!
//! Commits are not synchronised to the medium: a killed process loses nothing, because the kernel has the
//! pages, but a crash of the machine may keep some and lose others, and LMDB cannot tell. So before its
//! first write a process leaves a file with the number of this boot, on the medium; the last one to close
//! synchronises the database and removes it. Found under another boot, it means: start empty.

use std::ffi::CStr;

use crate::{
    error::Result,
    fs::{self, Directory},
};

/// The marker's name.
pub(super) const NAME: &CStr = c"unsynced";

/// When a marker was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boot {
    /// Since the machine was started: somebody writes, or was killed.
    This,
    /// Before: what was written may be torn.
    Another,
}

/// The marker that was left, if one was.
pub(super) fn found(directory: &Directory) -> Result<Option<Boot>> {
    let marked = directory.map(NAME)?;
    Ok(marked.map(|marked| if marked[..] == boot() { Boot::This } else { Boot::Another }))
}

/// Leaves the marker, on the medium.
pub(super) fn set(directory: &Directory) -> Result<()> {
    if found(directory)? == Some(Boot::This) {
        return Ok(());
    }
    fs::publish(directory, NAME, &[&boot()])?;
    directory.settle(NAME)
}

/// Takes it away.
pub(super) fn clear(directory: &Directory) -> Result<()> {
    directory.remove(NAME).map(|_| ())
}

/// The number that the kernel drew when it started; without it every boot looks the same.
fn boot() -> Vec<u8> {
    let read = Directory::open("/proc/sys/kernel/random".as_ref()).and_then(|it| it.read_virtual(c"boot_id"));
    read.map_or_else(|_| b"unknown".to_vec(), |text| text.trim_ascii().to_vec())
}
