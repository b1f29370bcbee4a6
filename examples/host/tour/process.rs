//! A plugin that runs: a Python process that was handed the judged source.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use plugcache::instances::{Failure, Instance};
use serde_json::{Value, json};

/// The program that loads the plugin and answers for it.
const RUNNER: &str = include_str!("runner.py");

/// One running codec. Requests are answered one after the other.
pub(crate) struct Codec(Mutex<Running>);

struct Running {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Codec {
    /// Starts a process, and has it load exactly these bytes.
    pub(crate) fn start(python: &Path, name: &str, file: &str, source: &[u8]) -> Result<Self, Failure> {
        let mut child = Command::new(python)
            .args(["-I", "-c", RUNNER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the process has no pipes".into());
        };
        let codec = Self(Mutex::new(Running { child, requests, answers: BufReader::new(answers) }));
        // JSON has no bytes: each becomes the character of its number.
        let source: String = source.iter().map(|byte| char::from(*byte)).collect();
        codec.ask(&json!({ "do": "load", "name": name, "file": file, "source": source }))?;
        Ok(codec)
    }

    pub(crate) fn encode(&self, text: &str) -> Result<String, Failure> {
        self.ask(&json!({ "do": "encode", "text": text }))
    }

    /// The operating system's number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.running().child.id()
    }

    /// Its answer, or what it complains of.
    fn ask(&self, request: &Value) -> Result<String, Failure> {
        let mut running = self.running();
        let mut line = String::new();
        writeln!(running.requests, "{request}")?;
        running.answers.read_line(&mut line)?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|_| format!("process {} has ended", running.child.id()))?;
        match (answer["ok"].as_str(), answer["error"].as_str()) {
            (Some(text), _) => Ok(text.to_owned()),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(format!("process {} answered {line:?}", running.child.id()).into()),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance for Codec {
    type Config = Value;

    fn reconfigure(&self, config: &Value) -> Result<(), Failure> {
        self.ask(&json!({ "do": "configure", "errors": config["ERRORS"] })).map(drop)
    }

    fn stop(&self) {
        let child = &mut self.running().child;
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}
