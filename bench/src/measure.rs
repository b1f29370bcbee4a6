//! Samples, and how subjects take turns.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// One measurement.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Time that passed.
    pub(crate) wall: Duration,
    /// Time that this process computed, in all its threads: from the process's CPU clock, which counts
    /// nanoseconds where `getrusage` counts ticks on some kernels.
    pub(crate) cpu: Duration,
    /// What the subject found: a number that must come out the same each time.
    pub(crate) answer: u64,
}

impl Sample {
    /// Runs something once.
    pub(crate) fn of(work: impl FnOnce() -> Result<u64>) -> Result<Self> {
        let (started, computed) = (Instant::now(), cpu());
        let answer = work()?;
        // The wall clock is read first: it is what ratios are made of.
        let wall = started.elapsed();
        Ok(Self { wall, cpu: cpu().saturating_sub(computed), answer })
    }

    /// The line that a child prints.
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.wall.as_nanos(), self.cpu.as_nanos(), self.answer)
    }

    /// Runs a child, and reads its last line.
    pub(crate) fn of_child(command: &mut Command) -> Result<Self> {
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let numbers = said.lines().last().and_then(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u64>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        let Some((wall, cpu, answer)) = numbers.filter(|_| output.status.success()) else {
            let problem = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command:?}: {}\n{}", output.status, problem.trim_end()).into());
        };
        Ok(Self { wall: Duration::from_nanos(wall), cpu: Duration::from_nanos(cpu), answer })
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// All samples of one subject.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is, for the table.
    pub(crate) name: String,
    /// Sorted wall times in milliseconds.
    wall: Vec<f64>,
    /// Sorted CPU times in milliseconds.
    cpu: Vec<f64>,
    /// What it found.
    pub(crate) answer: u64,
}

impl Series {
    /// Of samples that were taken elsewhere: wall and CPU time of each.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of less than a month")]
    pub(crate) fn of_nanoseconds(name: &str, samples: &[(u64, u64)]) -> Self {
        let sorted = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times
        };
        Self {
            name: name.to_owned(),
            wall: sorted(samples.iter().map(|(wall, _)| *wall as f64 / 1e6).collect()),
            cpu: sorted(samples.iter().map(|(_, cpu)| *cpu as f64 / 1e6).collect()),
            answer: 0,
        }
    }

    /// The middle wall time in milliseconds.
    pub(crate) fn median(&self) -> f64 {
        middle(&self.wall)
    }

    /// The shortest wall time in milliseconds.
    pub(crate) fn min(&self) -> f64 {
        self.wall.first().copied().unwrap_or(f64::NAN)
    }

    /// The middle CPU time in milliseconds.
    pub(crate) fn cpu(&self) -> f64 {
        middle(&self.cpu)
    }

    /// The name with its figures, as the table shows what something is compared with.
    pub(crate) fn figures(&self) -> String {
        let [median, min, cpu] = [self.median(), self.min(), self.cpu()].map(figure);
        format!("{}: {median} ms (min {min}, cpu {cpu})", self.name)
    }
}

fn middle(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// A number with about three digits that mean something.
pub(crate) fn figure(number: f64) -> String {
    let digits = match number.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 4,
    };
    format!("{number:.digits$}")
}

/// Something that can be measured again and again.
pub(crate) struct Subject<'a> {
    name: String,
    run: Box<dyn FnMut(usize) -> Result<Sample> + 'a>,
}

impl<'a> Subject<'a> {
    /// A subject that is told the number of the round.
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut(usize) -> Result<Sample> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// A subject that is a process of its own.
    pub(crate) fn child(name: impl Into<String>, mut command: Command) -> Self {
        Self::new(name, move |_| Sample::of_child(&mut command))
    }
}

/// Lets the subjects take turns, every other round in reverse order, so that none always follows the same
/// one. One round before the first is not counted: it fills the page cache.
pub(crate) fn interleave<const N: usize>(rounds: usize, subjects: [Subject<'_>; N]) -> Result<[Series; N]> {
    let mut measured = subjects.map(|subject| {
        let series = Series { name: subject.name.clone(), wall: Vec::new(), cpu: Vec::new(), answer: 0 };
        (subject, series)
    });
    for round in 0..=rounds {
        for turn in 0..N {
            let (subject, series) = &mut measured[if round % 2 == 0 { turn } else { N - 1 - turn }];
            let sample = (subject.run)(round).map_err(|error| format!("{}: {error}", subject.name))?;
            if round == 0 {
                continue;
            }
            series.wall.push(sample.wall.as_secs_f64() * 1e3);
            series.cpu.push(sample.cpu.as_secs_f64() * 1e3);
            series.answer = sample.answer;
        }
    }
    Ok(measured.map(|(_, mut series)| {
        series.wall.sort_by(f64::total_cmp);
        series.cpu.sort_by(f64::total_cmp);
        series
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(
            [0.012_34, 1.234, 56.78, 1_234.5, 0.0].map(figure),
            ["0.0123", "1.23", "56.8", "1234", "0"]
        );
    }

    #[test]
    fn subjects_take_turns() -> Result {
        let order = std::cell::RefCell::new(Vec::new());
        let subject = |name: &'static str| {
            let order = &order;
            Subject::new(name, move |round| {
                order.borrow_mut().push((name, round));
                Sample::of(|| Ok(7))
            })
        };
        let [a, b] = interleave(2, [subject("a"), subject("b")])?;
        assert_eq!((a.answer, b.answer, a.wall.len()), (7, 7, 2));
        assert_eq!(*order.borrow(), [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]);
        Ok(())
    }
}
