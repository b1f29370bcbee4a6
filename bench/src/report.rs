//! The table, and the file that other programs read.

use std::path::Path;

use serde_json::json;

use crate::{
    Result,
    measure::{Series, figure},
};

/// On which side of its bound a ratio has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Ours beside a floor: not more.
    AtMost(f64),
    /// A peer beside ours: not less.
    AtLeast(f64),
}

impl Bound {
    fn number(self) -> f64 {
        let (Self::AtMost(number) | Self::AtLeast(number)) = self;
        number
    }

    fn allows(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if matches!(self, Self::AtMost(_)) { '≤' } else { '≥' };
        write!(f, "{sign} {}", self.number())
    }
}

/// One promise, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// `P1`, `P2`, …; `floor` for what is shown only to be compared with.
    pub(crate) goal: &'static str,
    /// What was done, and the unit of `ours`.
    pub(crate) case: String,
    /// Our figure.
    pub(crate) ours: f64,
    /// The floor it is compared with, and its figure.
    pub(crate) reference: String,
    /// The peer it is compared with, and its figure.
    pub(crate) peer: String,
    /// Ours by the floor, or the peer by ours; a difference where the case says so.
    pub(crate) ratio: f64,
    /// What the ratio has to keep to.
    pub(crate) bound: Bound,
}

impl Row {
    /// Our time may be so many times the floor's.
    pub(crate) fn at_most(goal: &'static str, case: &str, ours: &Series, times: f64, floor: &Series) -> Self {
        Self {
            goal,
            case: format!("{case}, ms"),
            ours: ours.median(),
            reference: floor.figures(),
            peer: String::new(),
            ratio: ours.median() / floor.median(),
            bound: Bound::AtMost(times),
        }
    }

    /// A peer's time has to be so many times ours.
    pub(crate) fn faster(goal: &'static str, case: &str, ours: &Series, times: f64, peer: &Series) -> Self {
        Self {
            goal,
            case: format!("{case}, ms"),
            ours: ours.median(),
            reference: String::new(),
            peer: peer.figures(),
            ratio: peer.median() / ours.median(),
            bound: Bound::AtLeast(times),
        }
    }

    /// Two numbers have to be equal.
    pub(crate) fn equal(goal: &'static str, case: &str, ours: u64, expected: u64, whose: &str) -> Self {
        // Counts here are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "counts of plugins and files are small")]
        let (ours, expected_number) = (ours as f64, expected as f64);
        Self {
            goal,
            case: format!("{case}, number"),
            ours,
            reference: format!("{whose}: {expected}"),
            peer: String::new(),
            ratio: if ours.total_cmp(&expected_number).is_eq() { 1.0 } else { ours / expected_number },
            bound: Bound::AtMost(1.0),
        }
    }

    fn met(&self) -> bool {
        // An equality is met on neither side of it.
        let equal = !self.case.ends_with(", number") || self.ratio >= 1.0;
        self.bound.allows(self.ratio) && equal
    }
}

/// Prints the table.
pub(crate) fn print(rows: &[Row]) {
    let goal = width(rows, "goal", |row| row.goal);
    let case = width(rows, "case", |row| &row.case);
    println!(
        "{:goal$}  {:case$}  {:>9}  {:>8}  {:>8}       compared with",
        "goal", "case", "ours", "ratio", "bound"
    );
    for row in rows {
        let against = [row.reference.as_str(), row.peer.as_str()]
            .join(if row.reference.is_empty() || row.peer.is_empty() { "" } else { "; " });
        let met = if row.met() { "met  " } else { "SHORT" };
        println!(
            "{:goal$}  {:case$}  {:>9}  {:>8}  {:>8}  {met}  {against}",
            row.goal,
            row.case,
            figure(row.ours),
            figure(row.ratio),
            row.bound.to_string(),
        );
    }
    let short = rows.iter().filter(|row| !row.met()).count();
    println!("{} of {} met, {short} short", rows.len() - short, rows.len());
}

fn width<'a>(rows: &'a [Row], head: &str, column: impl Fn(&'a Row) -> &'a str) -> usize {
    rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).max(head.len())
}

/// Writes the rows as JSON.
pub(crate) fn write(path: &Path, rows: &[Row]) -> Result {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "goal": row.goal, "case": row.case, "ours": row.ours, "reference": row.reference, "peer": row.peer,
                "ratio": row.ratio, "bound": row.bound.number(), "met": row.met(),
            })
        })
        .collect();
    std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")?;
    println!("written to {}", path.display());
    Ok(())
}
