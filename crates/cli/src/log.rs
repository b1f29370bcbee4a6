//! What the libraries have to say: one line each on standard error, as `PLUGCACHE_LOG` filters it.

use std::{env, fmt, io};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::output::{ERROR, Output, WARNING};

/// Warnings, unless somebody asks for more or for none.
pub(crate) fn listen(quiet: bool, output: &Output) {
    let usual = || EnvFilter::new(if quiet { "error" } else { "warn" });
    let asked = env::var("PLUGCACHE_LOG").ok().filter(|text| !text.is_empty());
    let filter = asked.map_or_else(usual, |text| {
        EnvFilter::try_new(&text).unwrap_or_else(|error| {
            output.warn(format!(
                "PLUGCACHE_LOG: `{text}` is not a filter such as `debug` or `plugcache_cache=trace`: {error}"
            ));
            usual()
        })
    });
    let listener = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| anstream::AutoStream::auto(io::stderr()))
        .event_format(Line)
        .finish();
    // There is no other: this program starts here.
    let _ = tracing::subscriber::set_global_default(listener);
}

/// `warning: text`, as this program's own warnings look.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => write!(out, "{ERROR}error{ERROR:#}: ")?,
            Level::WARN => write!(out, "{WARNING}warning{WARNING:#}: ")?,
            level => write!(out, "{} {}: ", level.as_str().to_lowercase(), event.metadata().target())?,
        }
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
