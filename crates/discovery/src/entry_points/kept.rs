//! An interpreter's answer, kept beside the indexes for as long as everything that it rests on has the
//! stamps that it had: a start then costs a dozen `stat` calls instead of starting Python.
//!
//! Nothing is believed on doubt. An answer that rests on a file stamped while it was being asked for is not
//! kept at all, so a kept one needs no racy rule when it is read; and any stamp that differs, a directory of
//! the path in which something was installed included, means asking again.

use std::{
    ffi::{CString, OsStr},
    path::{Path, PathBuf},
};

use plugcache_cache::{
    Clock, Digest, Stamp, directory, envelope,
    freshness::Granularity,
    fs::{Directory, c_path, publish},
};
use serde::{Deserialize, Serialize};

use super::interpreter::{Interpreter, InterpreterError, Query};

/// Kind and version of the envelope.
const KIND: u32 = u32::from_le_bytes(*b"pyth");
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    interpreter: Interpreter,
    stamps: Vec<Stamp>,
}

/// What the interpreter says, without asking it if a kept answer still holds. `directories` are those of
/// [`crate::index::Location`]: the first that can be used keeps the answer; with none it is not kept.
/// The second part tells whether the answer was a kept one.
pub fn ask(
    query: &Query,
    directories: &[PathBuf],
    clock: &dyn Clock,
) -> Result<(Interpreter, bool), InterpreterError> {
    let key = key(query);
    let name = CString::new(format!("{}.interpreter", Digest::of(&key))).unwrap_or_default();
    let kept = directories.iter().find_map(|place| read(place, &name, &key));
    if let Some(Kept { interpreter, stamps }) = kept
        && interpreter.asked == query.executable
        && stamps_of(&interpreter.inputs()).is_some_and(|now| now.stamps == stamps)
    {
        return Ok((interpreter, true));
    }
    let began = clock.wall();
    let interpreter = Interpreter::ask(query)?;
    let seen = stamps_of(&interpreter.inputs()).filter(|_| interpreter.may_be_kept);
    let quiet = seen.filter(|seen| {
        !seen
            .stamps
            .iter()
            .zip(&seen.granularities)
            .any(|(stamp, granularity)| granularity.is_racy(stamp, began))
    });
    if let (Some(seen), (Some(place), _)) = (quiet, directory::first_usable(directories)) {
        let kept = Kept { interpreter: interpreter.clone(), stamps: seen.stamps };
        let payload = postcard::to_allocvec(&kept).unwrap_or_default();
        // What could not be kept is asked for again: the answer itself is none the worse.
        _ = publish(&place, &name, &[&envelope::seal(KIND, VERSION, &key, &payload)]);
    }
    Ok((interpreter, false))
}

fn read(place: &Path, name: &CString, key: &[u8]) -> Option<Kept> {
    let bytes = directory::open_existing(place).ok()??.read(name, 16 << 20).ok()?.bytes;
    postcard::from_bytes(envelope::open(&bytes, KIND, VERSION, key).ok()?).ok()
}

/// All that selects the answer, each part with its length.
fn key(query: &Query) -> Vec<u8> {
    let executable = std::iter::once(query.executable.as_os_str());
    let environment =
        query.environment.iter().flat_map(|(name, value)| [OsStr::new(name), value.as_os_str()]);
    let mut key = Vec::new();
    for part in executable.chain(environment) {
        key.extend_from_slice(&(part.len() as u64).to_le_bytes());
        key.extend_from_slice(part.as_encoded_bytes());
    }
    key
}

struct Seen {
    stamps: Vec<Stamp>,
    granularities: Vec<Granularity>,
}

/// The stamps of files and directories, absent ones included; `None` if one cannot be looked at.
fn stamps_of(paths: &[PathBuf]) -> Option<Seen> {
    let mut seen = Seen { stamps: Vec::new(), granularities: Vec::new() };
    let top = Directory::open(Path::new("/")).ok()?;
    for path in paths {
        let absolute = path.strip_prefix("/").ok()?;
        let place = c_path(absolute.as_os_str().as_encoded_bytes()).ok()?;
        let look = if place.is_empty() { top.look(c".") } else { top.look(&place) }.ok()?;
        // Which file system it is would cost more than it tells: the answer that is kept may be a little
        // older, and one that rests on something touched in the last two seconds is not kept.
        seen.stamps.push(look.map_or(Stamp::ABSENT, |look| look.stamp));
        seen.granularities.push(Granularity::COARSE);
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugcache_cache::SystemClock;

    use super::*;

    /// A program that answers as Python does, and counts how often it was asked. It is no script that starts
    /// another interpreter as far as the test is concerned, so the mark of a script is taken off the answer.
    #[test]
    fn a_kept_answer_holds_until_something_changes() {
        let Some(python) =
            ["/usr/bin/python3", "/usr/local/bin/python3"].map(PathBuf::from).into_iter().find(|path| {
                Interpreter::ask(&Query::new(path)).is_ok_and(|interpreter| interpreter.may_be_kept)
            })
        else {
            return;
        };
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let query =
            Query { environment: vec![("PYTHONPATH".to_owned(), home.clone().into())], ..Query::new(python) };
        let places = [directory.path().join("cache")];
        let ask = |query: &Query| super::ask(query, &places, &SystemClock).unwrap();
        assert!(!ask(&query).1, "nothing was kept yet");
        std::thread::sleep(Duration::from_millis(2_200));
        let (asked, was_kept) = ask(&query);
        assert!(!was_kept, "what is two seconds old is not kept");
        let (kept, was_kept) = ask(&query);
        assert!(was_kept);
        assert_eq!(kept, asked);
        assert!(!ask(&Query { environment: Vec::new(), ..query.clone() }).1, "another environment");
        std::fs::write(home.join("new.pth"), "").unwrap();
        assert!(!ask(&query).1, "a directory of the path changed");
        let name = CString::new(format!("{}.interpreter", Digest::of(&key(&query)))).unwrap();
        let file = places[0].join(name.to_str().unwrap());
        let whole = std::fs::read(&file).unwrap();
        for length in [0, 10, whole.len() - 1] {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(ask(&query).0.path, asked.path);
        }
    }
}
