//! How often, and after which pause, what failed is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::{FetchError, Options};

/// Most tries of one thing, whatever they bring: meanwhile others wait for the lock. What came stays for the next fetch.
const MOST: usize = 1_000;

/// Why a try did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better next time.
    Passing {
        /// What went wrong.
        why: String,
        /// So long the hub asks to wait.
        after: Option<Duration>,
    },
    /// It will not.
    Lasting(FetchError),
}

impl Trouble {
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self::Passing { why: why.into(), after: None }
    }
}

impl<E: Into<FetchError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Lasting(error.into())
    }
}

/// Tries of one thing.
pub(super) struct Patience<'a> {
    url: &'a str,
    options: &'a Options,
    pauses: ExponentialBackoff,
    /// Those that have brought nothing, since the last one that did.
    tries: usize,
    all: usize,
}

impl<'a> Patience<'a> {
    pub(super) fn new(url: &'a str, options: &'a Options) -> Self {
        Self { url, options, pauses: pauses(options), tries: 0, all: 0 }
    }

    /// Something has come: begin to count anew.
    pub(super) fn renew(&mut self) {
        self.pauses = pauses(self.options);
        self.tries = 0;
    }

    /// The pause before the next try and why there is to be one, or the error with which it ends.
    pub(super) fn pause(&mut self, trouble: Trouble) -> Result<(Duration, String), FetchError> {
        let (why, after) = match trouble {
            Trouble::Lasting(error) => return Err(error),
            Trouble::Passing { why, after } => (why, after),
        };
        self.tries += 1;
        self.all += 1;
        if self.all >= MOST {
            return Err(FetchError::Unreachable { url: self.url.to_owned(), why, tries: self.all });
        }
        let url = || self.url.to_owned();
        let limit = self.options.longest_pause;
        if let Some(wait) = after.filter(|wait| *wait > limit) {
            return Err(FetchError::Busy { url: url(), wait, limit });
        }
        match self.pauses.next() {
            Some(pause) => Ok((pause.max(after.unwrap_or_default()), why)),
            None => Err(FetchError::Unreachable { url: url(), why, tries: self.tries }),
        }
    }
}

fn pauses(options: &Options) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(options.first_pause)
        .with_max_delay(options.longest_pause)
        .with_max_times(options.tries.saturating_sub(1))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_unless_something_comes() {
        let options = Options { tries: 4, ..Options::default() };
        let mut patience = Patience::new("u", &options);
        let mut pause = || patience.pause(Trouble::passing("broke"));
        let lengths: Vec<u64> = (0..3).map(|_| pause().unwrap().0.as_millis() as u64).collect();
        assert_eq!(lengths, [500, 1_000, 2_000]);
        let end = pause().unwrap_err();
        assert!(matches!(&end, FetchError::Unreachable { tries: 4, .. }), "{end}");
        patience.renew();
        assert_eq!(patience.pause(Trouble::passing("broke")).unwrap().0, options.first_pause);
        let busy =
            |seconds| Trouble::Passing { why: "busy".into(), after: Some(Duration::from_secs(seconds)) };
        assert_eq!(patience.pause(busy(7)).unwrap().0, Duration::from_secs(7));
        assert!(matches!(patience.pause(busy(7_000)), Err(FetchError::Busy { .. })));
    }

    #[test]
    fn whatever_comes_the_tries_have_an_end() {
        let options = Options::default();
        let mut patience = Patience::new("u", &options);
        let end = (0..=MOST).find_map(|_| {
            patience.renew();
            patience.pause(Trouble::passing("broke")).err()
        });
        assert!(matches!(end, Some(FetchError::Unreachable { tries: MOST, .. })), "{end:?}");
    }
}
