//! `cargo xtask faults`: the fault suites of the cache at their long setting, in a release build, as a table.
//!
//! Each test prints a line for each fault that it made; what failed is shown as the runner says it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Result, process, repo};

/// A line of figures, as the suite prints it.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    fault: String,
    what: String,
    /// Runs, wrong, crashed, hung, seed.
    figures: Vec<String>,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        // The runner may have begun the line with a test's name.
        let (_, line) = line.split_once("FAULT|")?;
        let mut parts = line.trim_end().split('|').map(str::to_owned);
        let (fault, what) = (parts.next()?, parts.next()?);
        let figures: Vec<_> = parts.collect();
        (figures.len() == 5).then_some(Self { fault, what, figures })
    }

    /// The fault's number, to sort by.
    fn number(&self) -> u32 {
        self.fault.split(',').next().and_then(|first| first.trim().parse().ok()).unwrap_or(u32::MAX)
    }
}

/// `arguments` go to the runner: a part of a test's name, say.
pub(crate) fn run(arguments: &[String]) -> Result {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let mut failed = Vec::new();
    let suites: [(&str, &[&str]); 3] = [
        ("faults", &["--release", "--test", "faults"]),
        ("model", &["--release", "--test", "model"]),
        ("shuttle", &["--release", "--features", "shuttle", "--test", "shuttle"]),
    ];
    for (name, options) in suites {
        let mut cargo = repo::cargo();
        cargo.args(["test", "--package", "plugcache-cache"]).args(options).arg("--").arg("--nocapture");
        // One at a time: they count processes, fill disks and wait for each other.
        cargo.args(["--test-threads", "1"]).args(arguments).env("PLUGCACHE_LONG", "1");
        let rows = Arc::clone(&rows);
        let passed = process::watched(&mut cargo, move |line| {
            rows.lock().unwrap_or_else(PoisonError::into_inner).extend(Row::read(line));
        })?;
        if !passed {
            failed.push(name);
        }
    }
    let mut rows = std::mem::take(&mut *rows.lock().unwrap_or_else(PoisonError::into_inner));
    rows.sort_by_key(Row::number);
    print!("{}", table(&rows));
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

fn table(rows: &[Row]) -> String {
    let head = "\n| # | fault | runs | wrong | crashed | hung | seed |\n|---|---|---|---|---|---|---|\n";
    let line =
        |Row { fault, what, figures }: &Row| format!("| {fault} | {what} | {} |\n", figures.join(" | "));
    std::iter::once(head.to_owned()).chain(rows.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Row, table};

    #[test]
    fn lines_become_rows() {
        let row = Row::read("test kills::fault_01 ... FAULT|1|kill -9|200|0|0|0|77").unwrap();
        assert_eq!((row.number(), row.figures.len()), (1, 5));
        assert!(table(&[row]).ends_with("| 1 | kill -9 | 200 | 0 | 0 | 0 | 77 |\n"));
        assert_eq!(Row::read("FAULT|1|too short"), None);
        assert_eq!(Row::read("test result: ok"), None);
    }
}
