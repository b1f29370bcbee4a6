//! What a hub says of a file before it sends it.

use ureq::http::{HeaderMap, header};

use super::sum::Expected;

/// What a hub says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Description {
    /// The commit that the revision is.
    pub(super) commit: Option<String>,
    /// Its length in bytes.
    pub(super) length: Option<u64>,
    linked: Option<String>,
    etag: Option<String>,
}

impl Description {
    /// Takes in an answer of the hub itself. What an earlier one has said stays: the answer before the redirect
    /// speaks of the file, a later one perhaps of what carries it.
    pub(super) fn take(&mut self, headers: &HeaderMap) {
        let take = |place: &mut Option<String>, name: &str| {
            if place.is_none() {
                *place = text(headers, name).map(str::to_owned);
            }
        };
        take(&mut self.commit, "x-repo-commit");
        take(&mut self.linked, "x-linked-etag");
        take(&mut self.etag, header::ETAG.as_str());
        self.length = self.length.or_else(|| number(headers, "x-linked-size"));
    }

    /// Takes in that this was the file itself, and no redirect.
    pub(super) fn arrive(&mut self, headers: &HeaderMap) {
        self.length = self.length.or_else(|| number(headers, header::CONTENT_LENGTH.as_str()));
    }

    /// Whether both can be of one file: by its digest, or else by the tag that it has.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        match (self.expected(), other.expected()) {
            (None, None) => (&self.etag, self.length) == (&other.etag, other.length),
            (one, other) => one == other,
        }
    }

    /// What the file should be, if that is said.
    pub(super) fn expected(&self) -> Option<Expected> {
        Expected::from_etag(self.linked.as_ref().or(self.etag.as_ref())?)
    }
}

/// A header's text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

/// A header's number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// First byte and length of the whole of a `Content-Range: bytes 5-9/10`; each may be unsaid.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let (range, whole) = text(headers, "content-range")?.strip_prefix("bytes")?.trim().split_once('/')?;
    let first = range.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
    Some((first, whole.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_first_answer_counts() {
        const LARGE: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let mut description = Description::default();
        description.take(&headers(&[("x-repo-commit", "c1"), ("etag", "\"123\""), ("x-linked-size", "7")]));
        description.take(&headers(&[("x-repo-commit", "c2"), ("x-linked-etag", LARGE)]));
        description.arrive(&headers(&[("content-length", "9")]));
        assert_eq!((description.commit.as_deref(), description.length), (Some("c1"), Some(7)));
        assert_eq!(description.expected(), Expected::from_etag(LARGE));
        assert_eq!(Description::default().expected(), None);
    }

    #[test]
    fn ranges_are_read_strictly() {
        let of = |value| content_range(&headers(&[("content-range", value)]));
        assert_eq!(of("bytes 5-9/10"), Some((Some(5), Some(10))));
        assert_eq!(of("bytes 5-9/*"), Some((Some(5), None)));
        assert_eq!(of("bytes */10"), Some((None, Some(10))));
        for bad in ["", "5-9/10", "items 5-9/10", "bytes 5-9"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of("bytes -5-9/x"), Some((None, None)));
    }
}
