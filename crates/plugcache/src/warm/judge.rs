//! Whether predictions come true, and whether they are worth making.

use std::collections::VecDeque;

/// Predictions that a judgement rests on.
const WINDOW: u32 = 64;
/// Below a quarter of them, predicting stops.
const STOP: u32 = WINDOW / 4;
/// From half of them on, it begins again: what is barely worth it should not come and go.
const RESUME: u32 = WINDOW / 2;

/// What is predicted and has neither come nor been given up.
pub(super) struct Judge<K> {
    pending: VecDeque<Pending<K>>,
    /// Accesses a prediction has to come true.
    patience: u64,
    now: u64,
    /// The last predictions that were judged, youngest in the lowest bit: whether they came true.
    outcomes: u64,
    judged: u32,
    is_stopped: bool,
}

struct Pending<K> {
    key: K,
    until: u64,
    /// It was told, not only thought.
    is_told: bool,
}

/// What one access says about earlier predictions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts {
    pub(super) used: u64,
    pub(super) wasted: u64,
}

impl<K: Eq> Judge<K> {
    pub(super) fn new(patience: u64) -> Self {
        Self { pending: VecDeque::new(), patience, now: 0, outcomes: 0, judged: 0, is_stopped: false }
    }

    /// Whether predictions are thought only, and not told.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Judges what was predicted before by the next access.
    pub(super) fn access(&mut self, key: &K) -> Verdicts {
        self.now += 1;
        let mut verdicts = Verdicts::default();
        if let Some(at) = self.pending.iter().position(|pending| pending.key == *key)
            && let Some(pending) = self.pending.remove(at)
        {
            verdicts.used += u64::from(pending.is_told);
            self.judge(true);
        }
        while let Some(pending) = self.pending.pop_front_if(|pending| pending.until <= self.now) {
            verdicts.wasted += u64::from(pending.is_told);
            self.judge(false);
        }
        verdicts
    }

    /// Takes a prediction on; `false` if it is pending already.
    pub(super) fn predict(&mut self, key: K) -> bool {
        if self.pending.iter().any(|pending| pending.key == key) {
            return false;
        }
        let until = self.now + self.patience;
        self.pending.push_back(Pending { key, until, is_told: !self.is_stopped });
        true
    }

    fn judge(&mut self, came_true: bool) {
        self.outcomes = self.outcomes << 1 | u64::from(came_true);
        self.judged += 1;
        if self.judged < WINDOW {
            return;
        }
        let used = self.outcomes.count_ones();
        let must_change = if self.is_stopped { used >= RESUME } else { used < STOP };
        if must_change {
            self.is_stopped = !self.is_stopped;
            // What was judged so far was judged under the other rule.
            self.judged = 0;
        } else {
            self.judged = WINDOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predicts the next key, or one that never comes, and asks for the next.
    fn go_on(judge: &mut Judge<i32>, next: &mut i32, is_right: bool) -> Verdicts {
        *next += 1;
        assert!(judge.predict(if is_right { *next } else { -*next }));
        judge.access(next)
    }

    #[test]
    fn it_stops_below_a_quarter_and_resumes_from_a_half() {
        let (mut judge, mut next) = (Judge::new(1), 0);
        let mut run = |right_of_four: i32, accesses: i32| {
            for at in 0..accesses {
                go_on(&mut judge, &mut next, at % 4 < right_of_four);
            }
            judge.is_stopped()
        };
        assert!(!run(1, 640), "a quarter is enough");
        assert!(run(0, 64));
        assert!(run(1, 640), "and not enough to resume");
        assert!(!run(2, 640));
        assert!(!run(4, 64));
    }

    #[test]
    fn what_was_not_told_is_not_counted() {
        let (mut judge, mut next) = (Judge::new(1), 0);
        let mut wasted = 0;
        for _ in 0..64 {
            wasted += go_on(&mut judge, &mut next, false).wasted;
        }
        assert_eq!((wasted, judge.is_stopped()), (64, true));
        assert_eq!(go_on(&mut judge, &mut next, true), Verdicts { used: 0, wasted: 0 });
        assert_eq!(go_on(&mut judge, &mut next, false), Verdicts { used: 0, wasted: 0 });
    }

    #[test]
    fn a_key_is_pending_once_and_not_for_ever() {
        let mut judge = Judge::new(3);
        assert!(judge.predict("a") && !judge.predict("a"));
        for _ in 0..2 {
            assert_eq!(judge.access(&"b"), Verdicts::default());
        }
        assert_eq!(judge.access(&"a"), Verdicts { used: 1, wasted: 0 }, "in the last moment");
        assert!(judge.predict("a"));
        for _ in 0..2 {
            judge.access(&"b");
        }
        assert_eq!(judge.access(&"b"), Verdicts { used: 0, wasted: 1 });
        assert_eq!(judge.access(&"a"), Verdicts::default());
    }
}
