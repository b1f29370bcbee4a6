//! One warning for each thing that goes wrong, however often it does.

use std::sync::atomic::{AtomicU32, Ordering};

/// What can keep a value from being kept. None of it fails the host's call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// The disk tier cannot be opened or read.
    Read = 1,
    /// A value cannot be written.
    Write = 2,
    /// A value cannot be encoded, or what was encoded cannot be decoded.
    Codec = 4,
    /// An input cannot be looked at.
    Input = 8,
    /// Another process holds a key's lock for too long.
    Lock = 16,
}

/// Which warnings were given.
#[derive(Debug, Default)]
pub(super) struct Warned(AtomicU32);

impl Warned {
    /// Warns of something for the first time.
    pub(super) fn once(&self, trouble: Trouble, cache: &str, why: &dyn std::fmt::Display) {
        if self.0.fetch_or(trouble as u32, Ordering::Relaxed) & trouble as u32 != 0 {
            return;
        }
        let (what, remedy) = match trouble {
            Trouble::Read => {
                ("values on disk cannot be used", "`plugcache cache verify --repair` looks after them")
            }
            Trouble::Write => {
                ("values are not kept on disk", "make room there, or set PLUGCACHE_DIR to another place")
            }
            Trouble::Codec => (
                "values cannot be kept on disk",
                "choose another codec for this cache: `disk_with(Codec::json())` keeps what describes itself",
            ),
            Trouble::Input => ("values are not kept", "make the input readable, or do not declare it"),
            Trouble::Lock => (
                "a value is loaded beside another process",
                "stop that process, or wait longer: PLUGCACHE_LOCK_TIMEOUT",
            ),
        };
        tracing::warn!("cache `{cache}`: {what}: {why}; {remedy}");
    }
}
