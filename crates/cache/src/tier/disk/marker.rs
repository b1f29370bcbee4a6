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

/// Whether the database was written under another boot and never synchronised.
pub(super) fn is_of_another_boot(directory: &Directory) -> Result<bool> {
    match directory.map(NAME)? {
        None => Ok(false),
        Some(marked) => Ok(&marked[..] != boot().as_slice()),
    }
}

/// Leaves the marker, on the medium.
pub(super) fn set(directory: &Directory) -> Result<()> {
    let boot = boot();
    if directory.map(NAME)?.is_some_and(|marked| marked[..] == boot) {
        return Ok(());
    }
    fs::publish(directory, NAME, &[&boot])?;
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
