//! What an interpreter says of itself: its version and its search path. Asked once, kept by evidence.
//!
//! The search path is made by running code (`site`, `.pth` files, `sitecustomize`), so nothing but the
//! interpreter can tell it. It is started as any program of it would be, in a child process, with a script
//! that imports nothing that Python has not already loaded; plugins are not imported. What the answer rests
//! on (the executable, `pyvenv.cfg`, the `.pth` files, the directories of the path, a few environment
//! variables) is named by [`Interpreter::inputs`], so that the next start need not ask.

use std::{
    ffi::OsString,
    io::Read,
    os::{fd::AsFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use plugcache_cache::fs::{Directory, c_path};
use serde::{Deserialize, Serialize};

use super::PythonVersion;

/// Environment variables that change what an interpreter answers. A caller hands their values over, since
/// a library reads no environment; they belong into the key of a kept answer.
pub const VARIABLES: [&str; 9] = [
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONNOUSERSITE",
    "PYTHONUSERBASE",
    "PYTHONSAFEPATH",
    "PYTHONPLATLIBDIR",
    "HOME",
    "VIRTUAL_ENV",
    "PYENV_VERSION",
];

/// Writes, separated by NUL: a mark, version, then key and value pairs. `site`'s functions are there
/// unless Python was built to start without it.
const SCRIPT: &str = r"
import sys, os
out = [b'plugcache-interpreter', b'%d.%d.%d' % sys.version_info[:3]]
def say(key, value):
    if isinstance(value, str):
        out.extend((key, os.fsencode(value)))
for entry in sys.path[1:] if sys.path and sys.path[0] == '' else sys.path:
    say(b'path', entry)
say(b'executable', sys.executable)
say(b'prefix', sys.prefix)
say(b'base', sys.base_prefix)
site = sys.modules.get('site')
if site:
    for entry in site.getsitepackages():
        say(b'site', entry)
    if site.ENABLE_USER_SITE is not None:
        say(b'site', site.getusersitepackages())
for name in ('sitecustomize', 'usercustomize'):
    say(b'custom', getattr(sys.modules.get(name), '__file__', None))
for finder in sys.meta_path:
    if hasattr(finder, 'find_distributions') and getattr(finder, '__name__', '') != 'PathFinder':
        say(b'finder', getattr(finder, '__name__', type(finder).__name__))
sys.stdout.buffer.write(b'\0'.join(out))
sys.stdout.flush()
";

const MARK: &[u8] = b"plugcache-interpreter";

/// More than any search path needs; an interpreter that writes more is not believed.
const LARGEST_ANSWER: usize = 4 << 20;

/// Why an interpreter gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpreterError {
    /// It could not be started.
    #[error("{}: {source}: name a Python interpreter", executable.display())]
    Start {
        /// The interpreter.
        executable: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was stopped.
    #[error("{} gave no answer within {} s and was stopped: see what its site-packages run at start", executable.display(), timeout.as_secs_f32())]
    TimedOut {
        /// The interpreter.
        executable: PathBuf,
        /// How long it had.
        timeout: Duration,
    },
    /// It ended without an answer.
    #[error("{} is no Python 3 that answers: {message}", executable.display())]
    NoAnswer {
        /// The interpreter.
        executable: PathBuf,
        /// The end of what it wrote to its standard error.
        message: String,
    },
}

/// What to ask, and how.
#[derive(Debug, Clone)]
pub struct Query {
    /// The interpreter, as a path or a name to look for on `PATH`.
    pub executable: PathBuf,
    /// Those of [`VARIABLES`] that are set. The child sees these and none of the others.
    pub environment: Vec<(String, OsString)>,
    /// Default: 20 s.
    pub timeout: Duration,
}

impl Query {
    /// With no variables set.
    pub fn new(executable: impl Into<PathBuf>) -> Self {
        Self { executable: executable.into(), environment: Vec::new(), timeout: Duration::from_secs(20) }
    }
}

/// What an interpreter said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Where it was found: the link or file that was started, if that was named by a path.
    pub asked: PathBuf,
    /// `sys.executable`.
    pub executable: PathBuf,
    /// Major, minor, micro.
    pub version: (u32, u32, u32),
    /// `sys.path`, without the current directory that `-c` puts first: an installed program has none.
    pub path: Vec<PathBuf>,
    /// Whether the answer may be kept. A wrapper script (such as a version manager's) may start another
    /// interpreter tomorrow without any of [`inputs`](Self::inputs) changing.
    pub may_be_kept: bool,
    /// `.pth` files with lines that are code, whose outcome is in `path` as it was when asked; and
    /// finders of distributions that only run-time code knows, whose distributions are not seen.
    pub dynamic: Vec<String>,
    inputs: Vec<PathBuf>,
}

impl Interpreter {
    /// Starts the interpreter and asks.
    pub fn ask(query: &Query) -> Result<Self, InterpreterError> {
        let answer = run(query)?;
        let no_answer = |message: &str| InterpreterError::NoAnswer {
            executable: query.executable.clone(),
            message: message.to_owned(),
        };
        Self::parse(query, &answer).ok_or_else(|| no_answer("what it wrote is not understood"))
    }

    /// Whose `importlib.metadata` to equal.
    pub fn semantics(&self) -> PythonVersion {
        PythonVersion::of(self.version.0, self.version.1)
    }

    /// Files and directories, present or absent, whose change can change the answer.
    pub fn inputs(&self) -> Vec<PathBuf> {
        self.inputs.clone()
    }

    fn parse(query: &Query, answer: &[u8]) -> Option<Self> {
        let start = memchr::memmem::rfind(answer, MARK)?;
        let mut parts = answer.get(start..)?.split(|byte| *byte == 0).skip(1);
        let version = std::str::from_utf8(parts.next()?).ok()?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        let version = (numbers.next()??, numbers.next()??, numbers.next()??);
        let mut said = Said::default();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            said.take(key, PathBuf::from(OsString::from_vec(value.to_vec())));
        }
        let mut interpreter = Self {
            asked: query.executable.clone(),
            executable: said.executable.clone(),
            version,
            path: said.path.clone(),
            may_be_kept: !is_script(&query.executable),
            dynamic: said.finders.iter().map(|name| format!("distributions of {name}")).collect(),
            inputs: Vec::new(),
        };
        interpreter.gather(query, said);
        Some(interpreter)
    }

    fn gather(&mut self, query: &Query, said: Said) {
        let mut inputs = vec![query.executable.clone(), said.executable.clone()];
        for directory in
            said.executable.parent().into_iter().flat_map(|bin| [Some(bin), bin.parent()]).flatten()
        {
            inputs.push(directory.join("pyvenv.cfg"));
        }
        inputs.push(said.prefix.join("pyvenv.cfg"));
        for site in &said.sites {
            for pth in pth_files(site) {
                let (targets, runs_code) = pth_targets(site, &pth);
                if runs_code {
                    self.dynamic.push(format!("code in {}", pth.display()));
                }
                inputs.push(pth);
                inputs.extend(targets);
            }
        }
        inputs.extend(said.sites);
        inputs.extend(said.custom);
        inputs.extend(said.path);
        inputs.sort();
        inputs.dedup();
        self.inputs = inputs;
    }
}

#[derive(Default)]
struct Said {
    path: Vec<PathBuf>,
    executable: PathBuf,
    prefix: PathBuf,
    sites: Vec<PathBuf>,
    custom: Vec<PathBuf>,
    finders: Vec<String>,
}

impl Said {
    fn take(&mut self, key: &[u8], value: PathBuf) {
        match key {
            b"path" => self.path.push(value),
            b"executable" => self.executable = value,
            b"prefix" => self.prefix = value,
            b"site" => self.sites.push(value),
            b"custom" => self.custom.push(value),
            b"finder" => self.finders.push(value.display().to_string()),
            _ => {}
        }
    }
}

fn pth_files(site: &Path) -> Vec<PathBuf> {
    let Ok((entries, _)) = Directory::open(site).and_then(|site| site.list()) else { return Vec::new() };
    let names = entries.into_iter().map(|(name, _)| name).filter(|name| name.ends_with(b".pth"));
    names.map(|name| site.join(OsString::from_vec(name))).collect()
}

/// The directories that a `.pth` file names, whether they exist or not (one that appears joins the path),
/// and whether it holds code.
fn pth_targets(site: &Path, pth: &Path) -> (Vec<PathBuf>, bool) {
    let read = || {
        let name = c_path(pth.file_name()?.as_encoded_bytes()).ok()?;
        Some(Directory::open(site).ok()?.read(&name, 1 << 20).ok()?.bytes)
    };
    let Some(bytes) = read() else { return (Vec::new(), false) };
    let text = String::from_utf8_lossy(&bytes);
    let mut runs_code = false;
    let mut targets = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with("import ") || line.starts_with("import\t") {
            runs_code = true;
        } else {
            targets.push(site.join(line.trim_end()));
        }
    }
    (targets, runs_code)
}

/// Whether a program is a script that starts another. A bare name is looked for by the system; what it
/// then finds may be anything.
#[expect(clippy::disallowed_methods, reason = "two bytes of what is about to be run, whatever its size")]
fn is_script(executable: &Path) -> bool {
    let mut mark = [0; 2];
    let read = std::fs::File::open(executable).and_then(|mut program| program.read_exact(&mut mark));
    !executable.is_absolute() || read.is_err() || mark == *b"#!"
}

fn run(query: &Query) -> Result<Vec<u8>, InterpreterError> {
    let executable = || query.executable.clone();
    let mut command = Command::new(&query.executable);
    command.args(["-c", SCRIPT]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(query.environment.iter().map(|(name, value)| (name, value)));
    let mut child =
        command.spawn().map_err(|source| InterpreterError::Start { executable: executable(), source })?;
    let (mut answer, mut complaint) = (Vec::new(), Vec::new());
    let finished = listen(&mut child, Instant::now(), query.timeout, &mut answer, &mut complaint);
    if !finished {
        // Both fail only if it ended by itself in the meantime.
        _ = child.kill();
        _ = child.wait();
        return Err(InterpreterError::TimedOut { executable: executable(), timeout: query.timeout });
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    if succeeded && memchr::memmem::find(&answer, MARK).is_some() {
        return Ok(answer);
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let last = complaint.trim_end().lines().next_back().unwrap_or("it said nothing");
    Err(InterpreterError::NoAnswer { executable: executable(), message: last.to_owned() })
}

/// Reads both outputs until they end and the child is gone; `false` if that takes longer than allowed. No
/// threads: a host may fork.
fn listen(
    child: &mut Child,
    began: Instant,
    timeout: Duration,
    answer: &mut Vec<u8>,
    complaint: &mut Vec<u8>,
) -> bool {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    while stdout.is_some() || stderr.is_some() {
        let Some(left) = timeout.checked_sub(began.elapsed()) else { return false };
        if wait(stdout.as_ref().map(AsFd::as_fd), left) {
            drain(&mut stdout, answer);
        }
        if wait(stderr.as_ref().map(AsFd::as_fd), Duration::ZERO) {
            drain(&mut stderr, complaint);
        } else if stdout.is_none() {
            // What started in its name may hold the pipe open for ever; the answer is complete.
            break;
        }
    }
    while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
        if began.elapsed() >= timeout {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}

/// Whether there is something to read, within 5 ms or what is left.
fn wait(pipe: Option<std::os::fd::BorrowedFd<'_>>, left: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Some(pipe) = pipe else { return false };
    let patience = Timespec { tv_sec: 0, tv_nsec: left.min(Duration::from_millis(5)).subsec_nanos().into() };
    poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&patience)).is_ok_and(|ready| ready > 0)
}

/// Reads once what is there; forgets the pipe at its end.
fn drain(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    let read = pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut buffer));
    match read {
        Ok(length) if length > 0 && into.len() < LARGEST_ANSWER => {
            into.extend_from_slice(buffer.get(..length).unwrap_or_default());
        }
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
        _ => *pipe = None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(directory: &Path, text: &str) -> Query {
        use std::os::unix::fs::PermissionsExt;
        let path = directory.join("python");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Query { timeout: Duration::from_millis(400), ..Query::new(path) }
    }

    #[test]
    fn one_that_never_answers_is_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let query = script(directory.path(), "#!/bin/sh\nexec sleep 60\n");
        let began = Instant::now();
        assert!(matches!(Interpreter::ask(&query), Err(InterpreterError::TimedOut { .. })));
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_it_complains_of_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let query = script(directory.path(), "#!/bin/sh\necho no such thing >&2\nexit 3\n");
        let error = Interpreter::ask(&query).unwrap_err().to_string();
        assert!(error.contains("no such thing"), "{error}");
        let missing = Query::new(directory.path().join("none"));
        assert!(matches!(Interpreter::ask(&missing), Err(InterpreterError::Start { .. })));
    }

    #[test]
    fn noise_before_the_answer_is_passed_over() {
        let query = Query::new("/x/python");
        let answer = b"hello\nplugcache-interpreter\x003.12.1\0path\0/a\0executable\0/x/python\0path\0/b";
        let interpreter = Interpreter::parse(&query, answer).unwrap();
        assert_eq!(interpreter.version, (3, 12, 1));
        assert_eq!(interpreter.path, [Path::new("/a"), Path::new("/b")]);
        assert_eq!(interpreter.semantics(), PythonVersion::V3_12);
        assert!(interpreter.inputs().contains(&PathBuf::from("/x/pyvenv.cfg")));
        assert_eq!(Interpreter::parse(&query, b"plugcache-interpreter\0three"), None);
    }

    #[test]
    fn a_pth_file_names_directories_and_may_hold_code() {
        let directory = tempfile::tempdir().unwrap();
        let pth = directory.path().join("a.pth");
        std::fs::write(&pth, "# x\n/abs\nrel \n\nimport os\n").unwrap();
        let (targets, runs_code) = pth_targets(directory.path(), &pth);
        assert_eq!(targets, [PathBuf::from("/abs"), directory.path().join("rel")]);
        assert!(runs_code);
        assert_eq!(pth_files(directory.path()), [pth]);
    }
}
