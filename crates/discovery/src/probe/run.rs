//! Running the child: what it is told, how it is bounded, what it said.

use std::{
    io::{Read, Write},
    os::{
        fd::AsFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use plugcache_cache::Digest;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::{Class, Failure, Network, ProbeError},
    builder::Limits,
};

const SCRIPT: &str = include_str!("child.py");

/// More than any module's classes need.
const LARGEST_ANSWER: usize = 16 << 20;

/// What came of a child.
pub(super) struct Run {
    pub(super) ended: Ended,
    /// `None`: it did not get so far as to say.
    pub(super) network: Option<Network>,
    pub(super) output: String,
    pub(super) output_was_cut: bool,
}

pub(super) enum Ended {
    Answer {
        classes: Vec<Class>,
        files: Vec<PathBuf>,
        executable: PathBuf,
        /// Where it looked for what it did without.
        looked_in: Vec<PathBuf>,
    },
    /// It lived to say what went wrong.
    Raised { failure: Failure, is_lasting: bool, files: Vec<PathBuf>, looked_in: Vec<PathBuf> },
    /// It did not.
    Failed { failure: Failure, is_lasting: bool },
}

/// What a worker says.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    classes: Vec<Class>,
    error: Option<Raised>,
    #[serde(default)]
    looked_in: Vec<PathBuf>,
    files: Vec<PathBuf>,
    executable: PathBuf,
}

#[derive(Deserialize)]
struct Raised {
    kind: String,
    message: String,
    is_import: bool,
    is_memory: bool,
}

/// Imports a module in a child process. Everything that is left of the child is killed before this returns.
pub(super) fn run(limits: &Limits, module: &str) -> Result<Run, ProbeError> {
    let start =
        |source| ProbeError::Start { module: module.to_owned(), python: limits.python.clone(), source };
    let mark = mark();
    let mut child = command(limits).spawn().map_err(start)?;
    let request = json!({
        "mark": mark,
        "parent": std::process::id(),
        "module": module,
        "roots": limits.roots,
        "cpu": limits.processor.as_secs().max(1),
        "memory": limits.memory,
        "network": limits.network,
    });
    // It fits into the pipe, so this does not wait; a child that has ended already is seen below.
    let told = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(request.to_string().as_bytes()));
    let mut heard = Heard::new(limits.output);
    let status = listen(&mut child, limits.timeout, &mut heard, &mark);
    end(&mut child);
    let status = status.map_err(start)?;
    let (output, output_was_cut) = (String::from_utf8_lossy(&heard.output).into_owned(), heard.was_cut);
    let network = heard.said::<Option<String>>(&mark, "network").map(|reason| match reason {
        None => Network::Cut,
        Some(reason) => Network::Open(reason),
    });
    let ended = match (status, heard.said::<i32>(&mark, "status")) {
        (None, _) => Ended::Failed { failure: Failure::TimedOut(limits.timeout), is_lasting: false },
        (Some(_), Some(worker)) => {
            worker_ended(limits, ExitStatus::from_raw(worker), heard.said(&mark, "answer"))
        }
        (Some(status), None) => {
            if let Some(signal) = status.signal() {
                return Err(ProbeError::Killed { module: module.to_owned(), signal });
            }
            told.map_err(start)?;
            let last = output.trim_end().lines().next_back().unwrap_or("it said nothing").to_owned();
            let (module, python) = (module.to_owned(), limits.python.clone());
            return Err(ProbeError::NoAnswer { module, python, message: last });
        }
    };
    Ok(Run { ended, network, output, output_was_cut })
}

fn worker_ended(limits: &Limits, status: ExitStatus, said: Option<Said>) -> Ended {
    let failed = |failure, is_lasting| Ended::Failed { failure, is_lasting };
    if let Some(signal) = status.signal() {
        // These are sent by somebody: a user, a supervisor, the kernel when the machine has no memory left.
        let from_outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
        return match Signal::from_named_raw(signal) {
            // Or by the module itself, which cannot be told from them: it is left alone for a while.
            Some(sent) if from_outside.contains(&sent) => failed(Failure::Crashed(signal), false),
            Some(Signal::XCPU) => failed(Failure::ProcessorTime(limits.processor), false),
            _ => failed(Failure::Crashed(signal), true),
        };
    }
    let Some(said) = said else { return failed(Failure::Exited(status.code().unwrap_or(-1)), true) };
    let Said { classes, error, looked_in, files, executable } = said;
    match error {
        None => Ended::Answer { classes, files, executable, looked_in },
        Some(error) if error.is_memory => {
            Ended::Raised { failure: Failure::Memory(limits.memory), is_lasting: false, files, looked_in }
        }
        Some(Raised { kind, message, is_import, .. }) => {
            // What is missing may be put where nobody looks for changes.
            Ended::Raised {
                failure: Failure::Raised { kind, message },
                is_lasting: !is_import,
                files,
                looked_in,
            }
        }
    }
}

fn command(limits: &Limits) -> Command {
    let mut command = Command::new(&limits.python);
    // Compiled files beside the sources could be older than they look.
    command.args(["-I", "-B", "-X", "utf8", "-X", "pycache_prefix=/dev/null/none", "-c", SCRIPT]);
    command
        .env_clear()
        .env("LANG", "C.UTF-8")
        .envs(limits.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

/// A word that the module cannot know in advance. It keeps what is printed apart from what is answered; it keeps
/// no secret from code that runs in the same process.
fn mark() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now);
    let parts = [&now.to_le_bytes()[..], &random.to_le_bytes(), &std::process::id().to_le_bytes()];
    format!("plugcache-{}", Digest::of_key(parts))
}

/// Kills the child and all that it started and that did not leave its group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It fails if nobody is left.
        _ = kill_process_group(group, Signal::KILL);
    }
    _ = child.wait();
}

/// What came through the pipes.
struct Heard {
    answer: Vec<u8>,
    output: Vec<u8>,
    limit: usize,
    was_cut: bool,
}

impl Heard {
    fn new(limit: usize) -> Self {
        Self { answer: Vec::new(), output: Vec::new(), limit, was_cut: false }
    }

    /// The last line with the mark that says this.
    fn said<T: for<'a> Deserialize<'a>>(&self, mark: &str, what: &str) -> Option<T> {
        let start = format!("\n{mark} {what} ");
        let at = memchr::memmem::rfind(&self.answer, start.as_bytes())?;
        let rest = self.answer.get(at + start.len()..)?;
        let end = memchr::memchr(b'\n', rest)?;
        serde_json::from_slice(rest.get(..end)?).ok()
    }
}

/// Reads until the child has said how it ended, or is gone; `None` if that takes longer than allowed. No threads: a
/// host may fork. What still holds the pipes then is not waited for.
fn listen(
    child: &mut Child,
    timeout: Duration,
    heard: &mut Heard,
    mark: &str,
) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let last = format!("\n{mark} status ");
    loop {
        let gone = child.try_wait()?;
        // Twice: what was written before it ended may have come after the last look.
        let mut more = true;
        while more {
            more = false;
            if ready(stdout.as_ref().map(AsFd::as_fd), Duration::ZERO) {
                more |= drain(&mut stdout, &mut heard.answer, LARGEST_ANSWER).0;
            }
            if ready(stderr.as_ref().map(AsFd::as_fd), Duration::ZERO) {
                let (some, cut) = drain(&mut stderr, &mut heard.output, heard.limit);
                heard.was_cut |= cut;
                more |= some;
            }
            if began.elapsed() >= timeout {
                return Ok(None);
            }
        }
        if gone.is_some() {
            return Ok(gone);
        }
        let is_done = memchr::memmem::rfind(&heard.answer, last.as_bytes())
            .is_some_and(|at| heard.answer.get(at + last.len()..).is_some_and(|rest| rest.ends_with(b"\n")));
        if is_done {
            return Ok(Some(ExitStatus::from_raw(0)));
        }
        let pipes = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
        wait(pipes, timeout.saturating_sub(began.elapsed()).min(Duration::from_millis(20)));
    }
}

fn ready(pipe: Option<std::os::fd::BorrowedFd<'_>>, patience: Duration) -> bool {
    pipe.is_some() && wait([pipe, None], patience)
}

/// Whether one of these can be read, or has ended, within a time of less than a second.
fn wait(pipes: [Option<std::os::fd::BorrowedFd<'_>>; 2], patience: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut open: Vec<_> = pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    poll(&mut open, Some(&patience)).is_ok_and(|ready| ready > 0)
}

/// Reads once what is there; forgets the pipe at its end. Says whether there was something, and whether some of it
/// was too much.
fn drain(pipe: &mut Option<impl Read>, into: &mut Vec<u8>, limit: usize) -> (bool, bool) {
    let mut buffer = [0; 16 << 10];
    match pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut buffer)) {
        Ok(length) if length > 0 => {
            let kept = length.min(limit.saturating_sub(into.len()));
            into.extend_from_slice(buffer.get(..kept).unwrap_or_default());
            (true, kept < length)
        }
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (true, false),
        _ => {
            *pipe = None;
            (false, false)
        }
    }
}
