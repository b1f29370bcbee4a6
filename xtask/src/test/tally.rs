//! How many tests passed and failed, read from the runners' summary lines.

use std::fmt;

/// A sum over all runs so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Tally {
    /// Adds a line's numbers, if it is the summary of a run of nextest, of cargo's own runner, or of pytest.
    pub(super) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let counts = match line.trim_start().strip_prefix("test result: ") {
            Some(counts) => counts,
            None => match line.trim_start().strip_prefix("Summary [") {
                Some(counts) => counts,
                None => match of_pytest(&line) {
                    Some(counts) => counts,
                    None => return,
                },
            },
        };
        for part in counts.split([',', ';', ':', '.', '(', ')']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(what)) =
                (words.next().and_then(|word| word.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                // nextest tells time-outs and programs that did not start apart from failures.
                "failed" | "timed" | "exec" | "error" | "errors" => self.failed += count,
                "skipped" | "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// What stands before the time in `=== 3 passed, 1 skipped in 0.12s ===`.
fn of_pytest(line: &str) -> Option<&str> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let seconds = time.split_whitespace().next()?.strip_suffix('s')?;
    let is_time = seconds.parse::<f64>().is_ok();
    let is_count = counts.split_whitespace().next()?.parse::<u64>().is_ok();
    (is_time && is_count).then_some(counts)
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn adds_up_cargos_runners() {
        let mut tally = Tally::default();
        tally.read(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.read(
            "     Summary [   0.005s] 9 tests run: 5 passed (1 slow), 2 failed, 2 timed out, 4 skipped",
        );
        tally.read("\u{1b}[32;1m     Summary\u{1b}[0m [   1s] 1 test run: 1 passed, 0 skipped");
        tally.read("5 passed is not a summary");
        tally.read("5 passed in all is none either");
        assert_eq!(tally, Tally { passed: 9, failed: 4, skipped: 5 });
        assert_eq!(tally.to_string(), "9 passed, 4 failed, 5 skipped");
    }

    #[test]
    fn adds_up_pytest() {
        let mut tally = Tally::default();
        tally.read("\u{1b}[32m\u{1b}[1m68 passed\u{1b}[0m\u{1b}[32m in 16.85s\u{1b}[0m");
        tally.read("=== 1 failed, 2 passed, 3 skipped, 4 warnings, 1 error in 65.20s (0:01:05) ===");
        assert_eq!(tally, Tally { passed: 70, failed: 2, skipped: 3 });
    }
}
