//! Printing: data to standard output, talk to standard error.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use plugcache::discovery::index::Report;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Format;

/// What a command may fail with: printed for people, exit code 2.
pub(crate) type Failure = Box<dyn Error>;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
}

pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

#[expect(clippy::unused_self, reason = "whoever prints has been given the right to")]
impl Output {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether nobody wants to be talked to.
    #[cfg(feature = "embedding")]
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// One JSON document.
    pub(crate) fn json(&self, data: &impl Serialize) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer(&mut out, data).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// One line for people.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Failure> {
        Ok(writeln!(anstream::stdout(), "{text}")?)
    }

    /// Rows for people, in aligned columns.
    pub(crate) fn table(&self, rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut out = anstream::stdout().lock();
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Talk: what went otherwise than asked.
    pub(crate) fn warn(&self, text: impl Display) {
        if !self.quiet {
            // Standard error is the last place to tell of anything: if it is gone, so is the listener.
            let _ = writeln!(anstream::stderr(), "{WARNING}warning{WARNING:#}: {text}");
        }
    }

    /// Talk: why the command failed.
    pub(crate) fn error(&self, error: &dyn Error) {
        let _ = writeln!(anstream::stderr(), "{ERROR}error{ERROR:#}: {error}");
    }

    /// Talk: how the answer came about.
    pub(crate) fn footer(&self, report: &Report) {
        self.warnings(report);
        if !self.is_json() {
            self.talk(format!("{DIM}{}{DIM:#}", summary(report)));
        }
    }

    /// Talk: what goes on.
    pub(crate) fn talk(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// The warnings of a report; in JSON they are in the document too.
    pub(crate) fn warnings(&self, report: &Report) {
        report.warnings.iter().for_each(|warning| self.warn(warning));
    }
}

/// `979 files, 1 parsed, 978 reused, proven at full in 1.2 ms`.
pub(crate) fn summary(report: &Report) -> String {
    let Report { files, parsed, reused, strength, .. } = report;
    let elapsed = report.elapsed.as_secs_f64() * 1e3;
    format!("{files} files, {parsed} parsed, {reused} reused, proven at {strength} in {elapsed:.1} ms")
}

/// The `index` member of documents.
pub(crate) fn index_json(report: &Report) -> Value {
    let stale = report.stale.iter().map(
        |stale| json!({ "file": stale.file, "reason": stale.reason.to_string(), "evidence": stale.reason }),
    );
    json!({
        "files": report.files,
        "parsed": report.parsed,
        "reused": report.reused,
        "strength": report.strength,
        "stale": stale.collect::<Vec<_>>(),
        "warnings": report.warnings,
        "kept": report.kept,
        "elapsed_ms": report.elapsed.as_secs_f64() * 1e3,
    })
}

/// The reader went away (`plugcache … | head`): that is no failure.
pub(crate) fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
