//! The peers in Python: each a script of a few lines in `bench/peers`, run in a fresh interpreter that
//! measures its own work. Interpreter start and the peer's own imports are not counted.

use std::{path::Path, process::Command};

use crate::{Result, context::Context};

/// A peer's script, ready to be given arguments. No byte code is written unless asked for.
pub(crate) fn script(context: &Context, python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command
        .arg(context.peers.join(name))
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPYCACHEPREFIX")
        .env_remove("PYTHONUNBUFFERED")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A copy of a corpus in which Python finds everything compiled. The corpus itself never gets byte code:
/// it is what we read, and what the peer without byte code reads.
pub(crate) fn compiled_copy(context: &Context, corpus: &str) -> Result<std::path::PathBuf> {
    let version = Command::new(&context.python).arg("--version").output()?.stdout;
    let copy = context.work.join("compiled").join(corpus);
    let stamp = context.work.join("compiled").join(format!(".{corpus}"));
    if std::fs::read(&stamp).is_ok_and(|stamped| stamped == version) {
        return Ok(copy);
    }
    crate::context::remove(&copy)?;
    run(Command::new(&context.python)
        .args(["-c", "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"])
        .arg(context.corpora.join(corpus))
        .arg(&copy))?;
    run(Command::new(&context.python)
        .args(["-m", "compileall", "-q"])
        .arg(&copy)
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .env_remove("PYTHONPYCACHEPREFIX"))?;
    std::fs::write(stamp, version)?;
    Ok(copy)
}

fn run(command: &mut Command) -> Result {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
