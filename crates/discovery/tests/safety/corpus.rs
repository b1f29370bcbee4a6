//! The corpus: sources that reach what they should not, each with what is expected of both profiles, and plugins
//! that do nothing wrong.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use plugcache_cache::Hub;
use plugcache_discovery::safety::{Judge, Policy, Profile};

/// Allowed to both profiles: the strict one goes by its own list.
pub(crate) const HARMLESS: [&str; 13] = [
    "abc",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "json",
    "random",
    "re",
    "string",
    "time",
    "typing",
];

struct Bypass {
    path: PathBuf,
    name: String,
    technique: String,
    missed_by_ratio1: bool,
    missed_by_strict: bool,
    proves_process: bool,
    needs: Option<String>,
}

pub(crate) fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/safety").join(directory);
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// `# TECHNIQUE | ratio1 misses | strict catches | proves pid | needs <3.14`
fn bypasses() -> Vec<Bypass> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let head = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        let parts: Vec<&str> = head.split(" | ").collect();
        let says = |subject: &str| {
            let part = parts.iter().find_map(|part| part.strip_prefix(subject)).map(str::trim);
            part.map(str::to_owned)
        };
        let is_missed = |profile: &str| match says(profile).as_deref() {
            Some("misses") => true,
            Some("catches") => false,
            other => panic!("{}: {profile} {other:?}", path.display()),
        };
        Bypass {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            technique: parts[0].to_owned(),
            missed_by_ratio1: is_missed("ratio1 "),
            missed_by_strict: is_missed("strict "),
            proves_process: says("proves ").unwrap() == "pid",
            needs: says("needs "),
            path,
        }
    };
    files("bypasses").into_iter().map(read).collect()
}

pub(crate) fn judge(profile: Profile, allowed: &[&str]) -> Judge {
    let allowed_imports = allowed.iter().map(|&name| name.to_owned()).collect();
    Judge::new(Policy { profile, allowed_imports, ..Policy::default() }, &Hub::in_memory()).unwrap()
}

#[test]
fn each_profile_catches_and_misses_what_the_corpus_says() {
    let (ratio1, strict) = (judge(Profile::Ratio1, &HARMLESS), judge(Profile::Strict, &[]));
    let mut wrong = String::new();
    for bypass in bypasses() {
        let expected = [(&ratio1, bypass.missed_by_ratio1), (&strict, bypass.missed_by_strict)];
        for (judge, missed) in expected {
            let judged = judge.file(&bypass.path);
            if judged.is_allowed() != missed {
                let profile = judge.policy().profile.name();
                _ = writeln!(wrong, "{}: {profile}: {:?}", bypass.name, judged.verdict.violations);
            }
        }
    }
    assert_eq!(wrong, "");
}

/// Python as the tests are given it, and its version.
pub(crate) fn python() -> (PathBuf, (u32, u32)) {
    let executable = PathBuf::from(std::env::var_os("PLUGCACHE_PYTHON").unwrap_or_else(|| "python3".into()));
    let script = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(&executable).args(["-I", "-c", script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
    (executable, (numbers.next().unwrap(), numbers.next().unwrap()))
}

#[test]
fn every_bypass_truly_works() {
    let (python, version) = python();
    let mut failed = String::new();
    for bypass in bypasses() {
        let runs_here = match bypass.needs.as_deref() {
            Some(">=3.12") => version >= (3, 12),
            Some(">=3.13") => version >= (3, 13),
            Some("<3.14") => version < (3, 14),
            None => true,
            other => panic!("{}: {other:?}", bypass.name),
        };
        if !runs_here {
            println!("skipped on Python {version:?}: {} needs {:?}", bypass.name, bypass.needs);
            continue;
        }
        let mut command = Command::new(&python);
        command.args(["-I", "-B"]).arg(&bypass.path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let process = child.id().to_string();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let escaped = text.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("escaped") && (!bypass.proves_process || words.next() == Some(&*process))
        });
        if !escaped {
            _ = writeln!(failed, "{}: {text}{}", bypass.name, String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(failed, "");
}

#[test]
fn plugins_that_do_nothing_wrong_pass() {
    let strict = judge(Profile::Strict, &["host"]);
    let benign = files("benign");
    assert!(benign.len() >= 14);
    for path in benign {
        let judged = strict.file(&path);
        assert!(judged.is_allowed(), "{}: {:#?}", path.display(), judged.verdict.violations);
        assert_eq!(judged.allowed_source().unwrap(), std::fs::read(&path).unwrap());
    }
}

/// The figures in `docs/safety.md` are those of the corpus as it is.
#[test]
fn the_published_miss_rate_is_the_measured_one() {
    let (ratio1, strict) = (judge(Profile::Ratio1, &HARMLESS), judge(Profile::Strict, &[]));
    let bypasses = bypasses();
    assert!(bypasses.len() >= 80);
    let mut text = String::from("| profile | bypasses | missed | share |\n|---|---|---|---|\n");
    let mut names = String::new();
    for judge in [&ratio1, &strict] {
        let missed: Vec<_> = bypasses.iter().filter(|bypass| judge.file(&bypass.path).is_allowed()).collect();
        let share = (missed.len() * 100 + bypasses.len() / 2) / bypasses.len();
        let profile = judge.policy().profile.name();
        _ = writeln!(text, "| `{profile}` | {} | {} | {share} % |", bypasses.len(), missed.len());
        _ = writeln!(names, "\nMissed by `{profile}`:\n");
        for bypass in missed {
            _ = writeln!(names, "- `{}`: {}", bypass.name, bypass.technique);
        }
    }
    let measured = format!("{text}{names}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/safety.md");
    let document = std::fs::read_to_string(path).unwrap();
    assert!(document.contains(&measured), "docs/safety.md should say:\n{measured}");
}
