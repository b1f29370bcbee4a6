//! A bar for what takes long: on a terminal only, and only after a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const PATIENCE: Duration = Duration::from_secs(1);

/// Something of which some part is done.
pub(super) struct Bar {
    began: Instant,
    style: &'static str,
    shown: Option<ProgressBar>,
    is_wanted: bool,
}

impl Bar {
    /// Of texts that are computed.
    pub(super) fn of_texts(output: &Output) -> Self {
        Self::new("computing vectors {wide_bar} {pos}/{len} {eta}", output)
    }

    /// Of bytes that arrive.
    pub(super) fn of_bytes(output: &Output) -> Self {
        Self::new("{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {eta}", output)
    }

    fn new(style: &'static str, output: &Output) -> Self {
        Self { began: Instant::now(), style, shown: None, is_wanted: !output.is_quiet() }
    }

    /// So much of so much.
    pub(super) fn show(&mut self, what: &str, done: u64, of: u64) {
        if !self.is_wanted || self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr());
            bar.with_style(
                ProgressStyle::with_template(self.style).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
        bar.set_length(of);
        bar.set_position(done);
        bar.set_message(what.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
