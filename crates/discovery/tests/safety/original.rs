//! The profile `ratio1` against the original checker, file by file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use plugcache_discovery::safety::{Judge, Judged, Profile, Rule};

use super::corpus;

/// Runs the original over the paths that it is told, one a line; answers with one line of JSON for each. Its
/// package imports much when it is imported; the two files of the checker need none of that.
const SCRIPT: &str = r"
import importlib.util, json, sys, tokenize, types
sys.dont_write_bytecode = True
root = sys.argv[1] + '/ratio1/code_cheker/'
safe = json.loads(sys.argv[2])
package = types.ModuleType('code_cheker')
package.__path__ = [root]
sys.modules['code_cheker'] = package
def load(name):
    spec = importlib.util.spec_from_file_location('code_cheker.' + name, root + name + '.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
load('checker')
check = load('base').BaseCodeChecker().check_code_text
import warnings
warnings.simplefilter('ignore')
for path in sys.stdin.buffer.read().split(b'\n'):
    if not path: continue
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except Exception as error:
        print(json.dumps({'Unable to read: %s' % error: [0]}))
        continue
    print(json.dumps(check(text, safe_imports=safe)))
";

type Errors = BTreeMap<String, Vec<u32>>;

fn original(python: &Path, ratio1: &Path, safe: &[&str], files: &[PathBuf]) -> Vec<Option<Errors>> {
    let mut child = Command::new(python)
        .args(["-I", "-c", SCRIPT])
        .arg(ratio1)
        .arg(serde_json::to_string(safe).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Our violations as the original would tell them: kind and what, with their lines.
fn ours(judged: &Judged) -> BTreeSet<(String, Vec<u32>)> {
    let mut lines: Errors = BTreeMap::new();
    for violation in &judged.verdict.violations {
        let what = match violation.rule {
            Rule::Import => format!("import {}", violation.what),
            _ => violation.what.clone(),
        };
        lines.entry(what).or_default().push(violation.line);
    }
    lines.into_iter().collect()
}

/// The original's messages, brought down to what they are about.
fn theirs(errors: &Errors) -> BTreeSet<(String, Vec<u32>)> {
    let about = |message: &str| match message {
        message if message.starts_with("Import forbidden for ") => {
            format!("import {}", message["Import forbidden for ".len()..].trim())
        }
        message if message.starts_with("Global vars") => "globals".to_owned(),
        message if message.starts_with("__builtins__") => "__builtins__".to_owned(),
        message if message.starts_with("Local vars") => "locals".to_owned(),
        message if message.starts_with("Pointer") => "memoryview".to_owned(),
        message if message.starts_with("Logger") => "log".to_owned(),
        message => {
            let quoted = message.split('`').nth(1).unwrap_or(message);
            quoted.split('(').next().unwrap_or(quoted).to_owned()
        }
    };
    let sorted = |lines: &Vec<u32>| {
        let mut lines = lines.clone();
        lines.sort_unstable();
        lines
    };
    errors.iter().map(|(message, lines)| (about(message), sorted(lines))).collect()
}

fn is_unparsable(errors: &Errors) -> bool {
    errors.keys().any(|message| message.starts_with("Unable to "))
}

fn below(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "py") && kind.is_file() {
            files.push(path);
        }
    }
}

fn standard_library(python: &Path) -> PathBuf {
    let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let output = Command::new(python).args(["-I", "-c", script]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn compare(judge: &Judge, files: &[PathBuf], answers: &[Option<Errors>], lines_count: bool) -> String {
    assert_eq!(files.len(), answers.len());
    let mut differences = String::new();
    for (path, answer) in files.iter().zip(answers) {
        let judged = judge.file(path);
        let accepted = answer.is_none();
        if judged.is_allowed() != accepted {
            _ = writeln!(differences, "{}: {answer:?}, we: {:?}", path.display(), judged.verdict);
            continue;
        }
        let Some(errors) = answer.as_ref().filter(|errors| !is_unparsable(errors)) else { continue };
        let (ours, theirs) = (ours(&judged), theirs(errors));
        let counted = |set: &BTreeSet<(String, Vec<u32>)>| -> BTreeSet<(String, Vec<u32>)> {
            let lines = |lines: &Vec<u32>| if lines_count { lines.clone() } else { vec![lines.len() as u32] };
            set.iter().map(|(what, at)| (what.clone(), lines(at))).collect()
        };
        let (ours, theirs) = (counted(&ours), counted(&theirs));
        if ours != theirs {
            let only = |one: &BTreeSet<_>, other| one.difference(other).cloned().collect::<Vec<_>>();
            let (a, b) = (only(&theirs, &ours), only(&ours, &theirs));
            _ = writeln!(differences, "{}: it: {a:?}, we: {b:?}", path.display());
        }
    }
    differences
}

/// Verdicts agree on every file; and where both see a tree, so do the objections with their lines. (Before 3.12 Python
/// gives wrong lines within f-strings, so there they are only counted.)
#[test]
fn verdicts_are_those_of_the_original() {
    let Some(ratio1) = std::env::var_os("PLUGCACHE_RATIO1").map(PathBuf::from) else {
        println!("SKIPPED: PLUGCACHE_RATIO1 names no unpacked ratio1; `cargo xtask test` prepares it");
        return;
    };
    let (python, version) = corpus::python();
    let mut files = [corpus::files("bypasses"), corpus::files("benign"), corpus::files("ratio1")].concat();
    // Two have encodings that are not decoded here at all, which the original accepts; one has syntax that its
    // Python may not know.
    files.retain(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let needs_newer = name == "type_params" && version < (3, 12);
        !needs_newer && !["coding_escape", "coding_utf7"].contains(&name)
    });
    let own = files.len();
    below(&ratio1, &mut files);
    if let Some(corpora) = std::env::var_os("PLUGCACHE_CORPORA") {
        below(Path::new(&corpora), &mut files);
    }
    let library = standard_library(&python);
    let from_library = files.len();
    for entry in std::fs::read_dir(&library).unwrap().map(Result::unwrap) {
        // Not its tests: they hold sources that are wrong on purpose, in ways that only a compiler sees.
        let name = entry.file_name();
        if entry.path().is_dir()
            && !["test", "site-packages", "dist-packages", "lib2to3"].iter().any(|skip| name == *skip)
        {
            below(&entry.path(), &mut files);
        } else if entry.path().extension().is_some_and(|extension| extension == "py") {
            files.push(entry.path());
        }
    }
    files[own..from_library].sort();
    println!("{} files, {} of them of the standard library", files.len(), files.len() - from_library);
    assert!(files.len() > 500, "{}", files.len());
    let all: Vec<&str> = [&corpus::HARMLESS[..], &["yt_dlp", "streamlink", "ratio1", "ansible"]].concat();
    // The second time a third of the packages' files is enough to see that other imports are judged alike.
    let some: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .filter(|(at, _)| *at < own || at % 3 == 0)
        .map(|(_, path)| path.clone())
        .collect();
    for (safe, files) in [(&[][..], &files), (&all, &some)] {
        let answers = original(&python, &ratio1, safe, files);
        let judge = corpus::judge(Profile::Ratio1, safe);
        let differences = compare(&judge, files, &answers, version >= (3, 12));
        assert_eq!(differences, "", "safe imports {safe:?}");
        let rejected = answers.iter().filter(|answer| answer.is_some()).count();
        println!("safe imports {safe:?}: {rejected} of {} rejected by both, no difference", files.len());
    }
}
