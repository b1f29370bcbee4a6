//! One file, from a hub into a partial file, however often that breaks.

use std::io::Read as _;

use plugcache_cache::fs::DataFile;
use ureq::{
    Body,
    http::{Response, StatusCode, header},
};

use super::{
    FetchError, Options, Progress,
    client::{Ask, Client},
    description::{content_range, text},
    patience::{Patience, Trouble},
};

/// Bytes that are taken from a connection and written at once.
const CHUNK: usize = 1 << 17;

/// So many bytes more than ever before are progress. Less is a trickle, with which a file would take days.
const PROGRESS: u64 = 1 << 18;

/// A file that is being fetched.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) options: &'a Options,
    pub(super) url: &'a str,
    pub(super) name: &'a str,
    /// Bytes that it should have.
    pub(super) length: Option<u64>,
    /// Whether its digest is known: then it is safe to put together pieces of which nothing else is known.
    pub(super) is_proven: bool,
    pub(super) part: &'a DataFile,
}

/// What has been learned about whoever sends.
#[derive(Default)]
struct Sender {
    etag: Option<String>,
    /// It does not give pieces, or the wrong ones.
    gives_only_all: bool,
}

impl Download<'_> {
    /// Fetches what is missing. What is there then has to be proven: it may be too long or wrong.
    pub(super) fn run(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<(), FetchError> {
        let mut patience = Patience::new(self.url, self.options);
        let mut sender = Sender::default();
        let mut furthest = self.part.size()?;
        loop {
            let Err(trouble) = self.attempt(&mut sender, report) else { return Ok(()) };
            let reached = self.part.size()?;
            if reached >= furthest + PROGRESS {
                furthest = reached;
                patience.renew();
            }
            let (pause, why) = patience.pause(trouble)?;
            tracing::debug!(file = self.name, "{why}; trying again in {pause:?}");
            report(Progress::Retrying { file: self.name, why: &why, after: pause });
            std::thread::sleep(pause);
        }
    }

    fn attempt(&self, sender: &mut Sender, report: &mut dyn FnMut(Progress<'_>)) -> Result<(), Trouble> {
        let mut have = self.part.size()?;
        let is_too_long = self.length.is_some_and(|length| have > length);
        let is_of_anybody = !self.is_proven && sender.etag.is_none();
        if have > 0 && (sender.gives_only_all || is_too_long || is_of_anybody) {
            self.part.cut(0)?;
            have = 0;
        }
        if self.length == Some(have) {
            return Ok(());
        }
        let if_range = sender.etag.as_deref().filter(|_| !self.is_proven);
        let mut answer = self.client.bytes(self.url, Ask::Bytes { from: have, if_range })?;
        have = match self.begins_at(&answer, have, sender) {
            Begin::Here(offset) => offset,
            Begin::IsComplete => return Ok(()),
            Begin::Wrong(why) => {
                sender.gives_only_all = true;
                return Err(Trouble::passing(why));
            }
        };
        if have == 0 {
            self.part.cut(0)?;
        }
        sender.etag = text(answer.headers(), header::ETAG.as_str())
            .filter(|etag| !etag.starts_with("W/"))
            .map(str::to_owned);
        self.receive(&mut answer, have, report)
    }

    /// Where in the file an answer begins.
    fn begins_at(&self, answer: &Response<Body>, asked: u64, sender: &Sender) -> Begin {
        let range = content_range(answer.headers());
        let whole = range.and_then(|(_, whole)| whole);
        match answer.status() {
            StatusCode::OK => Begin::Here(0),
            StatusCode::PARTIAL_CONTENT => {
                let etag = text(answer.headers(), header::ETAG.as_str());
                let is_other = sender.etag.as_deref().zip(etag).is_some_and(|(old, new)| old != new);
                let is_wrong = whole.zip(self.length).is_some_and(|(whole, length)| whole != length);
                if range.and_then(|(first, _)| first) != Some(asked) || asked == 0 || is_wrong {
                    Begin::Wrong("another piece was sent than was asked for")
                } else if is_other {
                    Begin::Wrong("the file has changed on the hub")
                } else {
                    Begin::Here(asked)
                }
            }
            _ if asked > 0 && whole == Some(asked) && self.length.is_none() => Begin::IsComplete,
            _ => Begin::Wrong("there is no such piece of the file"),
        }
    }

    fn receive(
        &self,
        answer: &mut Response<Body>,
        mut have: u64,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Trouble> {
        let mut chunk = vec![0; CHUNK];
        let mut reader = answer.body_mut().as_reader();
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::passing(format!("the transfer broke off: {error}"))),
            };
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            if have + read as u64 > self.options.largest {
                let url = self.url.to_owned();
                return Err(FetchError::TooLarge { url, limit: self.options.largest }.into());
            }
            self.part.write_at(bytes, have)?;
            have += read as u64;
            report(Progress::Received { file: self.name, bytes: have, of: self.length });
            // More than it should have: there is no need to see how much more.
            if self.length.is_some_and(|length| have > length) {
                return Ok(());
            }
        }
        match self.length {
            Some(length) if have < length => {
                Err(Trouble::passing(format!("it ended after {have} of {length} bytes")))
            }
            _ => Ok(()),
        }
    }
}

enum Begin {
    Here(u64),
    IsComplete,
    Wrong(&'static str),
}
