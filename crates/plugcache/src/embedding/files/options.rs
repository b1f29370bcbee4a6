//! Where files come from, how patient a fetch is, and what it tells meanwhile.

use std::{fmt, sync::Arc, time::Duration};

use plugcache_cache::{Clock, SystemClock};

/// How a store fetches.
#[derive(Clone)]
pub struct Options {
    /// The hub. Default: `https://huggingface.co`. A command line takes `HF_ENDPOINT`.
    pub endpoint: String,
    /// Sent to the endpoint itself as `Authorization: Bearer …`, never along a redirect to anywhere else.
    /// Default: none.
    pub token: Option<String>,
    /// Address of a proxy: `http://`, `https://`, `socks4://`, `socks4a://`, `socks5://` or, if the proxy is to look up
    /// names, `socks5h://`. Default: none; no variable is read.
    pub proxy: Option<String>,
    /// What is asked without the proxy: `[http://|https://]HOST[:PORT]`, where `HOST` is `*`, or a host, which means all
    /// below it too (`example.org`, `*.example.org`, `[::1]:8080`, `http://*`). Each address that a redirect leads to
    /// is judged by itself. What is not of this form exempts nothing. Default: nothing.
    pub no_proxy: Vec<String>,
    /// Make no connection at all. Default: `false`.
    pub offline: bool,
    /// Take files for which neither the caller nor the hub gives a digest. Default: `false`.
    pub allow_unverified: bool,
    /// So long without a byte counts as a break, and the transfer is resumed. Default: 30 s.
    pub stall: Duration,
    /// So many tries in a row may end without progress; one that broke after it had brought 256 KiB counts as the
    /// first. A file has 1,000 tries in all. Default: 6.
    pub tries: usize,
    /// Pause before the second try, doubled for each one after it. Default: 500 ms.
    pub first_pause: Duration,
    /// Longest pause, and the longest that a busy hub may ask for. Default: 2 min.
    pub longest_pause: Duration,
    /// Most redirects for one file. Default: 10.
    pub redirects: usize,
    /// Most bytes of one file. Default: 2 GiB.
    pub largest: u64,
    /// How long to wait for another process that fetches the same model. Default: 1 h.
    pub lock_timeout: Duration,
    /// Where the time comes from. Default: the machine's.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            token: None,
            proxy: None,
            no_proxy: Vec::new(),
            offline: false,
            allow_unverified: false,
            stall: Duration::from_secs(30),
            tries: 6,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_mins(2),
            redirects: 10,
            largest: 2 << 30,
            lock_timeout: Duration::from_hours(1),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Options {
    /// Without the token, and without the proxy, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("has_token", &self.token.is_some())
            .field("offline", &self.offline)
            .field("stall", &self.stall)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// What a fetch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another thread or process fetches this model; this one waits.
    Waiting {
        /// What is known of it: `process 4711`.
        holder: &'a str,
    },
    /// A file is there already and its digest is right.
    Kept {
        /// The file.
        file: &'a str,
    },
    /// An optional file that the hub does not have.
    Absent {
        /// The file.
        file: &'a str,
    },
    /// Bytes have arrived.
    Received {
        /// The file.
        file: &'a str,
        /// Bytes of it that are here, those of earlier fetches included.
        bytes: u64,
        /// Bytes that it has, if the hub says so.
        of: Option<u64>,
    },
    /// The transfer broke, and is tried again after a pause.
    Retrying {
        /// The file.
        file: &'a str,
        /// What went wrong.
        why: &'a str,
        /// The pause.
        after: Duration,
    },
    /// A file is complete and proven.
    Done {
        /// The file.
        file: &'a str,
    },
}
