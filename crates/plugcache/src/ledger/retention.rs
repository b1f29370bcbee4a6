//! Which snapshots to keep: a pure function of their times.

use std::collections::BTreeSet;

use plugcache_cache::Timestamp;

const NS: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * NS;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The number of the span that a time is in.
type SpanOf = fn(Timestamp) -> i64;

/// How many of the last hours, days, weeks and quarters that have a snapshot keep their newest one. All in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Hours. Default: 5.
    pub hourly: usize,
    /// Days. Default: 5.
    pub daily: usize,
    /// Weeks, which begin on Mondays. Default: 5.
    pub weekly: usize,
    /// Quarters of a year. Default: 5.
    pub quarterly: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { hourly: 5, daily: 5, weekly: 5, quarterly: 5 }
    }
}

/// Why a snapshot stays, or that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kept {
    /// Nobody needs it any more.
    No,
    /// It is the newest.
    Newest,
    /// It is the newest of its hour.
    Hourly,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its week.
    Weekly,
    /// It is the newest of its quarter.
    Quarterly,
    /// Its time is ahead of the clock: a clock was or is wrong, and nothing is decided on that.
    Future,
}

impl Kept {
    /// What it is called in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "removed",
            Self::Newest => "newest",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Quarterly => "quarterly",
            Self::Future => "future",
        }
    }
}

impl Retention {
    /// Says for each time, in the order given, whether its snapshot stays. The newest always does. Asking again
    /// about those that stay changes nothing.
    pub fn judge(&self, times: &[Timestamp], now: Timestamp) -> Vec<Kept> {
        let mut verdicts = vec![Kept::No; times.len()];
        let mut newest_first: Vec<usize> = (0..times.len()).collect();
        newest_first.sort_by_key(|&at| std::cmp::Reverse((times[at], at)));
        for &at in newest_first.iter().filter(|&&at| times[at] > now) {
            verdicts[at] = Kept::Future;
        }
        newest_first.retain(|&at| times[at] <= now);
        let classes: [(usize, Kept, SpanOf); 4] = [
            (self.hourly, Kept::Hourly, |time| time.0.div_euclid(HOUR)),
            (self.daily, Kept::Daily, |time| time.0.div_euclid(DAY)),
            // 1970 began on a Thursday.
            (self.weekly, Kept::Weekly, |time| time.0.saturating_add(3 * DAY).div_euclid(WEEK)),
            (self.quarterly, Kept::Quarterly, quarter),
        ];
        for (most, kept, span_of) in classes {
            let mut spans = BTreeSet::new();
            for &at in &newest_first {
                if spans.len() == most {
                    break;
                }
                if spans.insert(span_of(times[at])) && verdicts[at] == Kept::No {
                    verdicts[at] = kept;
                }
            }
        }
        if let Some(&newest) = newest_first.first()
            && verdicts[newest] == Kept::No
        {
            verdicts[newest] = Kept::Newest;
        }
        verdicts
    }
}

/// Quarters of years since 1970.
fn quarter(time: Timestamp) -> i64 {
    let (year, month) = year_and_month(time.0.div_euclid(DAY));
    year * 4 + (month - 1) / 3
}

/// The civil year and month (1 to 12) of a day since 1970, in the proleptic Gregorian calendar: years that begin in
/// March have their leap day at the end.
fn year_and_month(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(retention: Retention, times: &[Timestamp], now: Timestamp) -> Vec<Timestamp> {
        let verdicts = retention.judge(times, now);
        times.iter().zip(verdicts).filter(|(_, kept)| *kept != Kept::No).map(|(time, _)| *time).collect()
    }

    #[test]
    fn calendars() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", (1970, 1)),
            ("2000-02-29T23:59:59Z", (2000, 2)),
            ("2026-12-31T23:59:59Z", (2026, 12)),
            ("2100-03-01T00:00:00Z", (2100, 3)),
        ] {
            let time = humantime::parse_rfc3339(text).unwrap();
            let seconds = time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            assert_eq!(year_and_month(seconds.cast_signed() / 86_400), expected, "{text}");
        }
    }

    #[test]
    fn a_snapshot_every_quarter_of_an_hour_for_two_years() {
        let now = Timestamp(1_780_000_000 * NS);
        let times: Vec<_> = (0..2 * 365 * 96).map(|n| now.minus(n * HOUR / 4)).collect();
        let verdicts = Retention::default().judge(&times, now);
        let count = |kept| verdicts.iter().filter(|verdict| **verdict == kept).count();
        assert_eq!(count(Kept::Hourly), 5);
        // The newest of today, of this week and of this quarter stay as those of their hours; Sunday of last week
        // as that of its day.
        assert_eq!([count(Kept::Daily), count(Kept::Weekly), count(Kept::Quarterly)], [4, 3, 4]);
    }

    #[test]
    fn a_clock_that_was_ahead_removes_nothing() {
        let now = Timestamp(1_780_000_000 * NS);
        let times = [now.minus(HOUR), now.plus(std::time::Duration::from_hours(90_000)), now];
        let only_one = Retention { hourly: 1, daily: 0, weekly: 0, quarterly: 0 };
        assert_eq!(only_one.judge(&times, now), [Kept::No, Kept::Future, Kept::Hourly]);
        let none = Retention { hourly: 0, ..only_one };
        assert_eq!(none.judge(&times, now), [Kept::No, Kept::Future, Kept::Newest]);
        assert!(
            none.judge(&[Timestamp(i64::MIN), Timestamp(i64::MAX)], now).iter().all(|kept| *kept != Kept::No)
        );
    }

    proptest! {
        #[test]
        fn the_newest_stays_counts_are_bounded_and_again_changes_nothing(
            times in prop::collection::vec(0_i64..400 * 24 * 60, 0..200),
            counts in prop::array::uniform4(0_usize..7),
            now in 0_i64..400 * 24 * 60,
        ) {
            let times: Vec<_> = times.iter().map(|minutes| Timestamp(minutes * 60 * NS)).collect();
            let now = Timestamp(now * 60 * NS);
            let [hourly, daily, weekly, quarterly] = counts;
            let retention = Retention { hourly, daily, weekly, quarterly };
            let stay = kept(retention, &times, now);
            let past: Vec<_> = stay.iter().copied().filter(|time| *time <= now).collect();
            prop_assert_eq!(past.iter().max(), times.iter().filter(|time| **time <= now).max());
            prop_assert!(past.len() <= counts.iter().sum::<usize>().max(1));
            prop_assert_eq!(stay.len() - past.len(), times.iter().filter(|time| **time > now).count());
            prop_assert_eq!(kept(retention, &stay, now), stay);
        }
    }
}
