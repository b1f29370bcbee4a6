//! Running other programs, so that a failure names the program and what it said.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::Result;

/// Runs a program; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command.status().map_err(|error| format!("cannot start `{shown}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed: {status}").into()) }
}

/// Runs a program and returns what it writes to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().map_err(|error| format!("cannot start `{shown}`: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` failed: {}\n{}", output.status, said.trim_end()).into());
    }
    Ok(String::from_utf8(output.stdout).map_err(|_| format!("`{shown}` wrote something that is not text"))?)
}

/// Runs a step that needs the network, three times at most.
pub(crate) fn retried(what: &str, mut step: impl FnMut() -> Result) -> Result {
    const PAUSES: [u64; 2] = [2, 8];
    for pause in PAUSES {
        match step() {
            Ok(()) => return Ok(()),
            Err(error) => {
                eprintln!("{what}: {error}\n{what}: trying again in {pause} s");
                thread::sleep(Duration::from_secs(pause));
            }
        }
    }
    step().map_err(|error| format!("{what}: failed three times, gave up: {error}").into())
}

/// Runs a program, passing its output on as it comes and showing each line to `see`. Returns whether it
/// succeeded.
pub(crate) fn watched(command: &mut Command, see: impl FnMut(&str) + Send + 'static) -> Result<bool> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{shown}`: {error}"))?;
    let see = Arc::new(Mutex::new(see));
    let stdout = child.stdout.take().map(|from| forward(from, std::io::stdout(), Arc::clone(&see)));
    let stderr = child.stderr.take().map(|from| forward(from, std::io::stderr(), Arc::clone(&see)));
    for reader in [stdout, stderr].into_iter().flatten() {
        reader.join().map_err(|_| format!("the output of `{shown}` could not be read"))?;
    }
    Ok(child.wait()?.success())
}

fn forward(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    see: Arc<Mutex<impl FnMut(&str) + Send + 'static>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            // A reader that went away is no reason to stop the tests.
            _ = to.write_all(&line);
            if let Ok(mut see) = see.lock() {
                see(String::from_utf8_lossy(&line).trim_end());
            }
            line.clear();
        }
    })
}

/// The command as a person would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
