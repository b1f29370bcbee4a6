//! The goals, a file each.

mod a3;
mod b7;
#[cfg(feature = "embedding")]
pub(crate) mod b8;
mod p1;
mod p10;
mod p11;
mod p2;
mod p3;
mod p4;
mod p4_python;
mod p5;
mod p6;
mod p7;
mod p8;
mod p9;

use std::path::{Path, PathBuf};

use plugcache_cache::Strength;

use crate::{
    Result, child,
    context::Context,
    measure::Subject,
    report::Row,
    subject::{self, What},
};

/// A goal and how it is measured.
pub(crate) struct Case {
    /// `P1`, `P2`, …
    pub(crate) goal: &'static str,
    /// What it is about.
    pub(crate) what: &'static str,
    /// Measures it.
    pub(crate) run: fn(&Context) -> Result<Vec<Row>>,
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Case] = &[
    Case { goal: "P1", what: "free validation", run: p1::run },
    Case { goal: "P2", what: "lazy proof", run: p2::run },
    Case { goal: "P3", what: "cold beats warm", run: p3::run },
    Case { goal: "P4", what: "entry points", run: p4::run },
    Case { goal: "P4", what: "entry points, from Python", run: p4_python::run },
    Case { goal: "P5", what: "a change costs one file", run: p5::run },
    Case { goal: "P6", what: "memory hit", run: p6::run },
    Case { goal: "P7", what: "rows on disk", run: p7::run },
    Case { goal: "P8", what: "from Python", run: p8::run },
    Case { goal: "P9", what: "side by side", run: p9::run },
    Case { goal: "P10", what: "growth", run: p10::run },
    Case { goal: "P11", what: "hit ratio", run: p11::run },
    Case { goal: "A3", what: "manifests", run: a3::run },
    Case { goal: "B7", what: "the log", run: b7::run },
    #[cfg(feature = "embedding")]
    Case { goal: "B8", what: "texts as vectors", run: b8::run },
];

/// A name that exists in yt-dlp, from the middle of the list.
const EXTRACTOR: &str = "NebulaIE";

/// What stamps need to grow old enough to prove something.
const QUIET: std::time::Duration = std::time::Duration::from_millis(50);

/// An index kept somewhere, made before anything is measured.
struct Kept {
    what: What,
    root: PathBuf,
    cache: PathBuf,
    file: PathBuf,
}

impl Kept {
    fn make(context: &Context, name: &str, what: What, root: &Path) -> Result<Self> {
        std::thread::sleep(QUIET);
        let cache = context.empty(&format!("indexes/{name}"))?;
        // Made by us alone; the product refuses a directory that others could write to.
        let session = subject::session(what, root, &cache, Strength::Full)?;
        let snapshot = session.open();
        if !snapshot.report().kept {
            return Err(format!("the index was not kept: {:?}", snapshot.report().warnings).into());
        }
        Ok(Self { what, root: root.to_owned(), file: cache.join(session.file_name()), cache })
    }

    /// A fresh process that opens it at a strength and looks up a name.
    fn find(&self, strength: Strength, name: &str) -> Result<Subject<'static>> {
        let strength = strength.as_str();
        let arguments = [
            self.what.word().as_ref(),
            self.root.as_ref(),
            self.cache.as_ref(),
            strength.as_ref(),
            name.as_ref(),
        ];
        Ok(Subject::child(format!("open at {strength}, find one"), child::command("find", &arguments)?))
    }
}

/// A fresh process that stats files: the floor of all validation.
fn stat_floor(root: &Path, suffix: &str) -> Result<Subject<'static>> {
    let command = child::command("stat", &[root.as_ref(), suffix.as_ref()])?;
    Ok(Subject::child("bare dirfd stat loop", command))
}
