//! As much of URLs as a hub needs: the endpoint, the place of a file, and where a redirect leads.

use super::FetchError;

/// Scheme, host and port of a URL: who it is that a token is told to. `None` if it is no URL for a fetch.
pub(super) fn origin(url: &str) -> Option<&str> {
    let after = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = after.split(['/', '?', '#']).next().unwrap_or(after);
    // A user's name before the host would be sent as a password.
    (!host.is_empty() && !host.contains('@')).then(|| url.split_at(url.len() - after.len() + host.len()).0)
}

/// The endpoint without a slash at its end.
pub(super) fn endpoint(text: &str) -> Result<String, FetchError> {
    let text = text.trim_end_matches('/');
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['?', '#']);
    if is_plain && origin(text).is_some() {
        return Ok(text.to_owned());
    }
    let why = format!("`{text}` is not `http://HOST[:PORT][/PATH]` or `https://…`");
    Err(FetchError::Setting { what: "endpoint", why })
}

/// Where a hub has a file. Names have been judged: only the slashes of a revision need another form.
pub(super) fn of_file(endpoint: &str, repository: &str, revision: &str, file: &str) -> String {
    format!("{endpoint}/{repository}/resolve/{}/{file}", revision.replace('/', "%2F"))
}

/// Where a redirect leads. `None`: nowhere, or from a safe connection to an open one.
pub(super) fn follow(from: &str, location: &str) -> Option<String> {
    let origin = self::origin(from)?;
    let location = location.split('#').next()?;
    // A scheme ends before all of these; an address after one of them is a part of this one.
    let has_scheme = location.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    let to = if has_scheme {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{}:{location}", from.split(':').next()?)
    } else if location.starts_with('/') {
        format!("{origin}{location}")
    } else {
        let path = from.split(['?', '#']).next()?;
        if location.starts_with('?') {
            return Some(format!("{path}{location}"));
        }
        let parent = path.rfind('/').filter(|&end| end >= origin.len()).map_or(origin, |end| &path[..end]);
        format!("{parent}/{location}")
    };
    let is_open = to.starts_with("http://") && from.starts_with("https://");
    (self::origin(&to).is_some() && !is_open).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let from = "https://hub.example:8/a/b?c=d/e";
        let to = |location| follow(from, location);
        assert_eq!(to("https://cdn.example/x?y#z").unwrap(), "https://cdn.example/x?y");
        assert_eq!(to("//cdn.example/x").unwrap(), "https://cdn.example/x");
        assert_eq!(to("/x/y").unwrap(), "https://hub.example:8/x/y");
        assert_eq!(to("x").unwrap(), "https://hub.example:8/a/x");
        // An address within the query is no scheme.
        assert_eq!(to("/x?next=https://y/z").unwrap(), "https://hub.example:8/x?next=https://y/z");
        assert_eq!(to("x?next=https://y/z").unwrap(), "https://hub.example:8/a/x?next=https://y/z");
        assert_eq!(to("?next=https://y/z").unwrap(), "https://hub.example:8/a/b?next=https://y/z");
        assert_eq!(follow("http://h", "x").unwrap(), "http://h/x");
        for bad in
            ["http://hub.example:8/open", "file:///etc/passwd", "ftp://x/y", "https://", "https://a:b@c/"]
        {
            assert_eq!(to(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://a:1/b"), Some("https://a:1"));
        assert_eq!(origin("http://a?b"), Some("http://a"));
        assert_ne!(origin("http://a.example/"), origin("http://a.example.evil/"));
        for bad in ["", "a", "http://", "http:///x", "ftp://a", "http://user:secret@a/"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
        assert_eq!(endpoint("https://hub.example/mirror//").unwrap(), "https://hub.example/mirror");
        assert!(endpoint("hub.example").is_err() && endpoint("https://a/?b").is_err());
        let url = of_file("https://h", "a/b", "refs/pr/1", "1_Pooling/config.json");
        assert_eq!(url, "https://h/a/b/resolve/refs%2Fpr%2F1/1_Pooling/config.json");
    }
}
