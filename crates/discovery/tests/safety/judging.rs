//! Judging as a host does it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use plugcache_cache::Hub;
use plugcache_discovery::safety::{Judge, Policy, Profile, Reason, Rule, SourceDigest};

const EVIL: &[u8] = b"import os\nos.getpid()\n";

fn judge(policy: Policy) -> Judge {
    Judge::new(policy, &Hub::in_memory()).unwrap()
}

fn rules(judged: &plugcache_discovery::safety::Judged) -> Vec<Rule> {
    judged.verdict.violations.iter().map(|violation| violation.rule).collect()
}

#[test]
fn everything_is_told_at_once_in_the_order_of_the_source() {
    let source = b"import os, json\nx = eval('1')\ny = json\nz = ().__class__.__bases__\n'\xc3\xa9' + open\n";
    let judged = judge(Policy::default()).source(Path::new("p.py"), source.to_vec());
    let found: Vec<_> = judged
        .verdict
        .violations
        .iter()
        .map(|found| (found.line, found.column, found.rule.name(), found.what.as_str()))
        .collect();
    let expected = [
        (1, 8, "import", "os"),
        (2, 5, "name", "eval"),
        (3, 5, "module-value", "json"),
        (4, 8, "attribute", "__class__"),
        (4, 18, "attribute", "__bases__"),
        (5, 7, "name", "open"),
    ];
    assert_eq!(found, expected);
    let digest = judged.digest.unwrap();
    let message = judged.allowed_source().unwrap_err().to_string();
    assert!(message.starts_with("p.py may not be loaded:\n  p.py:1:8: import `os`"), "{message}");
    assert!(message.ends_with(&format!("allow its digest {digest}")), "{message}");
}

#[test]
fn what_is_loaded_is_what_was_judged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("p.py");
    fs::write(&path, "x = 1\n").unwrap();
    let judged = judge(Policy::default()).file(&path);
    fs::write(&path, EVIL).unwrap();
    assert_eq!(judged.allowed_source().unwrap(), b"x = 1\n");
}

#[test]
fn the_list_of_digests_is_the_gate() {
    let digest = SourceDigest::of(EVIL);
    let listed = Policy { allowed_digests: [digest].into(), ..Policy::default() };
    let judged = judge(listed.clone()).source(Path::new("p.py"), EVIL.to_vec());
    assert!(judged.is_allowed());
    assert_eq!((judged.verdict.reason, rules(&judged)), (Reason::ListedDigest, vec![Rule::Import]));

    // One byte more is another source.
    let other = judge(listed.clone()).source(Path::new("p.py"), [EVIL, b"\n"].concat());
    assert_eq!(other.verdict.reason, Reason::Violations);

    let only = judge(Policy { only_listed: true, ..listed });
    assert!(only.source(Path::new("p.py"), EVIL.to_vec()).is_allowed());
    let harmless = only.source(Path::new("p.py"), b"x = 1\n".to_vec());
    assert_eq!((harmless.verdict.reason, rules(&harmless)), (Reason::NotListed, vec![Rule::Unlisted]));
}

#[test]
fn a_trusted_root_is_not_judged_and_links_do_not_widen_it() {
    let place = tempfile::tempdir().unwrap();
    for directory in ["trusted", "user"] {
        fs::create_dir(place.path().join(directory)).unwrap();
        fs::write(place.path().join(directory).join("p.py"), EVIL).unwrap();
    }
    symlink(place.path().join("user/p.py"), place.path().join("trusted/link.py")).unwrap();
    let roots = vec![place.path().join("trusted")];
    let judge = judge(Policy { trusted_roots: roots, only_listed: true, ..Policy::default() });
    let allowed = |path: &str| judge.file(&place.path().join(path)).is_allowed();
    assert!(allowed("trusted/p.py"));
    assert!(!allowed("user/p.py") && !allowed("trusted/../user/p.py") && !allowed("trusted/link.py"));
}

#[test]
fn what_cannot_be_read_is_never_passed() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.py"), rustix::fs::Mode::RUSR).unwrap();
    symlink("nowhere", path("dangling.py")).unwrap();
    fs::create_dir(path("directory.py")).unwrap();
    fs::write(path("large.py"), vec![b'#'; 101]).unwrap();
    let judge = judge(Policy { max_bytes: 100, ..Policy::default() });
    for name in ["pipe.py", "dangling.py", "directory.py", "missing.py"] {
        let judged = judge.file(&path(name));
        assert!(!judged.is_allowed() && judged.digest.is_none(), "{name}");
        assert_eq!(rules(&judged), [Rule::Unreadable], "{name}");
        assert!(judged.verdict.violations[0].why.contains(name), "{name}");
    }
    assert_eq!(rules(&judge.file(&path("large.py"))), [Rule::TooLarge]);
    assert_eq!(rules(&judge.source(Path::new("x"), vec![b'#'; 101])), [Rule::TooLarge]);
}

#[test]
fn a_package_is_judged_whole_with_what_lies_beside_its_sources() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("p/__init__.py", "from . import tools\nfrom .tools import add\nx = tools.add(1, 2)\n");
    write("p/tools.py", "import json\n\ndef add(a, b):\n    return json.dumps(a + b)\n");
    write("p/sub/__init__.py", "from ..tools import add\n");
    write("p/readme.txt", "text");
    let strict = judge(Policy::default());
    let found = strict.package(&place.path().join("p"));
    assert!(found.is_allowed(), "{found:#?}");
    assert_eq!(found.files.len(), 3);

    // A module that another one imported, by way of a neighbour; and beyond the package.
    write(
        "p/way.py",
        "from .tools import json as j\nfrom ...x import y\nfrom . import tools\nz = tools.json.codecs\n",
    );
    write("p/alias.py", "import json as tool\n");
    for name in ["p/__pycache__/tools.cpython-311.pyc", "p/fast.abi3.so", "p/more.pth", "p/sub/old.PYC"] {
        write(name, "");
    }
    let found = strict.package(&place.path().join("p"));
    let rejected: Vec<(PathBuf, Vec<Rule>)> = found
        .files
        .iter()
        .filter(|file| !file.is_allowed())
        .map(|file| (file.path.strip_prefix(place.path().join("p")).unwrap().to_owned(), rules(file)))
        .collect();
    let unjudged = || vec![Rule::UnjudgedCode];
    let expected = [
        ("__pycache__/tools.cpython-311.pyc", unjudged()),
        ("alias.py", vec![Rule::ModuleValue]),
        ("fast.abi3.so", unjudged()),
        ("more.pth", unjudged()),
        ("sub/old.PYC", unjudged()),
        ("way.py", vec![Rule::Member, Rule::RelativeImport, Rule::Attribute, Rule::Member]),
    ];
    let mut rejected_sorted = rejected.clone();
    for (_, rules) in &mut rejected_sorted {
        rules.sort_by_key(|rule| rule.name());
    }
    let mut wanted: Vec<_> = expected.into_iter().map(|(path, rules)| (PathBuf::from(path), rules)).collect();
    for (_, rules) in &mut wanted {
        rules.sort_by_key(|rule| rule.name());
    }
    assert_eq!(rejected_sorted, wanted);
    assert!(!strict.package(&place.path().join("p/__pycache__")).is_allowed());
    assert!(!strict.package(&place.path().join("nowhere")).is_allowed());
    // By itself a module may import nothing relatively.
    assert_eq!(rules(&strict.file(&place.path().join("p/sub/__init__.py"))), [Rule::RelativeImport]);
}

#[test]
fn a_link_that_leads_back_ends() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.py"), "x = 1\n").unwrap();
    symlink(".", place.path().join("again")).unwrap();
    let found = judge(Policy::default()).package(place.path());
    assert!(!found.is_allowed());
    assert_eq!(found.files.len(), 2);
    assert_eq!(rules(&found.files[1]), [Rule::Unreadable]);
}

#[test]
fn scans_are_kept_by_content_and_rules_never_by_path() {
    let place = tempfile::tempdir().unwrap();
    let scans = |policy: Policy, sources: &[(&str, &[u8])]| {
        let hub = Hub::builder().directory(place.path().join("cache")).build().unwrap();
        let judge = Judge::new(policy, &hub).unwrap();
        for (path, source) in sources {
            judge.source(Path::new(path), source.to_vec());
        }
        hub.stats()["safety"].loads
    };
    let strict = Policy::default;
    assert_eq!(scans(strict(), &[("a.py", EVIL), ("b.py", EVIL)]), 1);
    assert_eq!(scans(strict(), &[("c.py", EVIL)]), 0, "another process finds it");
    assert_eq!(scans(strict(), &[("a.py", b"x = 1\n")]), 1, "the same path with another content");
    let digests = [SourceDigest::of(EVIL)].into();
    assert_eq!(scans(Policy { allowed_digests: digests, ..strict() }, &[("a.py", EVIL)]), 0);
    assert_eq!(scans(Policy { profile: Profile::Ratio1, ..strict() }, &[("a.py", EVIL)]), 1);
    assert_eq!(scans(Policy { allowed_imports: vec!["os".into()], ..strict() }, &[("a.py", EVIL)]), 1);
}

#[test]
fn a_judge_by_another_policy_shares_scans_and_nothing_else() {
    let hub = Hub::in_memory();
    let strict = Judge::new(Policy::default(), &hub).unwrap();
    let place = tempfile::tempdir().unwrap();
    let trusted = place.path().join("p.py");
    fs::write(&trusted, EVIL).unwrap();
    let same = strict.with_policy(Policy::default());
    let loose = strict.with_policy(Policy { allowed_imports: vec!["os".into()], ..Policy::default() });
    let roots = strict.with_policy(Policy { trusted_roots: vec![place.path().into()], ..Policy::default() });
    for _ in 0..2 {
        let allowed =
            [&strict, &same, &loose].map(|one| one.source(Path::new("p.py"), EVIL.to_vec()).is_allowed());
        assert_eq!(allowed, [false, false, true]);
        assert!(roots.file(&trusted).is_allowed() && !same.file(&trusted).is_allowed());
    }
    assert_eq!(hub.stats()["safety"].loads, 2, "one for each of the rules that differ");
}

#[test]
fn a_host_adds_names_and_attributes_of_its_own() {
    let denied = |profile| Policy {
        profile,
        denied_names: vec!["secret".into()],
        denied_attributes: vec!["shmem".into()],
        ..Policy::default()
    };
    for profile in [Profile::Strict, Profile::Ratio1] {
        let judged = judge(denied(profile)).source(Path::new("p.py"), b"secret\nself.shmem\n".to_vec());
        assert_eq!(rules(&judged), [Rule::Name, Rule::Attribute]);
    }
}

#[test]
fn hostile_text_neither_panics_nor_exhausts_the_stack() {
    let strict = judge(Policy::default());
    let ratio1 = judge(Policy { profile: Profile::Ratio1, ..Policy::default() });
    let deep = |part: &str, times: usize| format!("x = {}y\n", part.repeat(times)).into_bytes();
    for source in [
        deep("-", 480),
        deep("-", 100_000),
        deep("a.", 4_000),
        deep("f(", 150),
        deep("lambda: ", 1_000),
        b"\xff\xfe".to_vec(),
        b"'{' .format(x)\n'{:{:{:{'.format(1)".to_vec(),
        b"# coding: klingon\n".to_vec(),
        b"\0".to_vec(),
        b"f'{".to_vec(),
    ] {
        strict.source(Path::new("p.py"), source.clone());
        ratio1.source(Path::new("p.py"), source);
    }
}
