//! The skimmer against the full parse: the facts must be the same, over whole corpora and over damaged text.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::{
    extract::{Options, Scratch, Syntax, extract_with},
    source,
};
use super::facts;

/// Compares both ways to read a file. Where the full parse succeeds, the facts are equal.
fn compare(bytes: &[u8], scratch: &mut Scratch, functions: bool) -> Result<(), String> {
    let read = |syntax, scratch: &mut Scratch| {
        extract_with(bytes, &Options { syntax, functions, methods: functions }, scratch)
    };
    match (read(Syntax::Full, scratch), read(Syntax::Skim, scratch)) {
        (Ok(full), Ok(skimmed)) if full == skimmed => Ok(()),
        (Ok(full), Ok(skimmed)) => {
            let (full, skimmed) = (format!("{full:#?}"), format!("{skimmed:#?}"));
            let different =
                full.lines().zip(skimmed.lines()).position(|(left, right)| left != right).unwrap_or(0);
            let around = |text: &str| {
                text.lines().skip(different.saturating_sub(8)).take(16).collect::<Vec<_>>().join("\n")
            };
            Err(format!("full:\n{}\nskimmed:\n{}", around(&full), around(&skimmed)))
        }
        (Ok(_), Err(problem)) => Err(format!("only the skimmer fails: {problem:?}")),
        (Err(_), _) => Ok(()),
    }
}

fn python_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.is_symlink() {
            python_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
}

/// Compares over a directory, and counts what the skimmer left to the parser or did not notice.
fn compare_all(directory: &Path) {
    let everything = std::env::var_os("PLUGCACHE_CORPORA").is_some();
    let mut paths = Vec::new();
    python_files(directory, &mut paths);
    // What is installed beside the standard library is other people's, and much.
    paths.retain(|path| everything || !path.components().any(|part| part.as_os_str() == "site-packages"));
    let mut scratch = Scratch::default();
    let (mut left, mut unnoticed, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for path in &paths {
        let Ok(bytes) = std::fs::read(path) else { continue };
        for functions in [false, true] {
            if let Err(difference) = compare(&bytes, &mut scratch, functions) {
                wrong.push(format!("{}: {difference}", path.display()));
            }
        }
        let Ok(text) = source::decode(&bytes) else { continue };
        let skimmed = facts(&text, &Options::default(), &mut scratch).is_some();
        let full = super::parse::facts(&text, &Options::default()).is_ok();
        match (skimmed, full) {
            (false, true) => left.push(path.display().to_string()),
            (true, false) => unnoticed.push(path.display().to_string()),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
    assert!(left.len() * 100 <= paths.len(), "left to the parser: {left:#?}");
    let message =
        format!("{} files, left to the parser: {left:?}, errors unnoticed: {unnoticed:?}", paths.len());
    assert!(unnoticed.len() * 100 <= paths.len(), "{message}");
    if everything {
        #[expect(clippy::print_stderr, reason = "asked for")]
        {
            eprintln!("{}: {message}", directory.display());
        }
    }
}

#[test]
fn the_standard_library_reads_the_same_both_ways() {
    let code = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
    let Ok(output) = std::process::Command::new("python3").args(["-c", code]).output() else { return };
    compare_all(Path::new(String::from_utf8_lossy(&output.stdout).trim()));
}

#[test]
fn corpora_read_the_same_both_ways() {
    if let Some(directory) = std::env::var_os("PLUGCACHE_CORPORA") {
        compare_all(Path::new(&directory));
    }
}

const SNIPPET: &str = r#"#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Doc."""
from __future__ import annotations
import os.path as p, sys
from .a import (b as c, d,  # comment
    e)
if TYPE_CHECKING:
    class Never:
        x = 1
        def m(self): pass
else:
    y = 1
try:
    from x import y
except (ImportError, E) as error:
    y = None
X = ['a', 'b', int, f'{x!r:>{w}}', {'k': (1, 2)}, """ ] '''
"""]  # ]
Y: dict[str, 'int'] = {'a': -1, 'b': {1, 2, 3}, 'c': (None, True, ...)}
__all__ = ['A'] + b.__all__
__all__ += ['LONG_LONG_LONG_LONG', 'NAMES_NAMES_NAMES']
LONG = ('a' 'b'
        'cccccccccccccccccccccccccccccc')
A, B = 1, [2, 3]
@deco(1, key='x')
class A(Base, metaclass=M):
    r'''Doc of A.

        indented
    '''
    _URL = r'https?://(?:www\.)?x\.com/(?P<id>[^/]+)' \
        r'/more'
    _TESTS = [{'url': 'a', 'info': {'n': int, 'x': None}}, {'only': True}]
    field: int = 3
    other: list[str]
    def first(self): return {
        'a': 1}
    def second(self, a=(1, [2]), *, b: "x" = None) -> dict[str, int]:
        """Doc."""
        if a:
            x = f"{a['b']}"  # c
        elif b: pass
        else:
            return '''
  not dedented
'''
    # comment
        # odd comment
        return x
    @property
    @abc.abstractmethod
    def third(self):
        class Inner:
            pass
    class Nested(B):
        z = 1
        async def f(self):
            await g()
        def g(self):
            pass
    def fourth(self):
        pass
    if y:
        def fifth(self):
            pass
    last = 1
    def sixth(self):
        pass
class Empty: pass
class OnlyMethods:
    def one(self):
        pass
    def two(self): pass
async def func(a, b=1) -> None:
    '''Doc of func.'''
    return lambda: 1
def walrus(a=(q := 1)):
    return 1
for i in range(3):
    globals()[i] = i
x = y = [1,
    2]
del A
match y:
    case [1, *rest]:
        t = 1
type T[K] = list[K]
def last(): return 1
"#;

#[test]
fn the_snippet_is_skimmed() {
    assert!(
        facts(
            SNIPPET,
            &Options { functions: true, methods: true, ..Options::default() },
            &mut Scratch::default()
        )
        .is_some()
    );
    for functions in [false, true] {
        compare(SNIPPET.as_bytes(), &mut Scratch::default(), functions).expect("the same facts");
        // Every prefix that ends with a line.
        for (at, _) in SNIPPET.match_indices('\n') {
            compare(&SNIPPET.as_bytes()[..at], &mut Scratch::default(), functions).expect("the same facts");
        }
    }
}

#[test]
fn rare_forms_read_the_same_both_ways() {
    for source in [
        "def f(a: int = (b := 1)) -> X[c := 2]:\n    'Doc.'\n",
        "def f():\n    \\\n'''Doc.'''\n",
        "x = 1\nclass A:\n  '''Doc.'''\n  def f(self): ...\n  y = 2\nif TYPE_CHECKING:\n  class B:\n    z = 1\n    def g(self): ...\nw = 3\n",
        "class A:\n  if x:\n    def f(self): ...\n    y = 1\n  def g(self): ...\n",
        "import a\nx = 1; y = [2]\nelse_ = {\n1: 2}  # c\n",
        "import a\nx = \\\n  [1,\n  b]\nx: int = \\\n  ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')\n",
        "import a\n'''Not a doc.'''\nx = 1\nclass A:\n  x = 1\n  'Not a doc.'\n",
    ] {
        for functions in [false, true] {
            compare(source.as_bytes(), &mut Scratch::default(), functions).expect("the same facts");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]
    #[test]
    fn damaged_text_reads_the_same_both_ways(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12, edit()), 1..4),
        functions: bool,
    ) {
        let mut bytes = SNIPPET.as_bytes().to_vec();
        for (place, length, new) in edits {
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new.bytes());
        }
        prop_assert_eq!(compare(&bytes, &mut Scratch::default(), functions), Ok(()));
    }
}

fn edit() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[\\[\\](){}'\"#:=,;\\\\ \n\tfrb@.-]{1,3}",
        proptest::sample::select(vec![
            "\n",
            "    ",
            "'''",
            "\"\"\"",
            "f'",
            "{x}",
            " = ",
            ":=",
            "lambda: ",
            "def f(): pass\n",
            "class C:\n    ",
            "\\\n",
            "\x0c",
            "if x: ",
            "@d\n",
            ": int = ",
            "...",
            "\r",
            "é",
            "async ",
            "\n\n        ",
            "; y = [2]",
        ])
        .prop_map(str::to_owned),
    ]
}
