//! Which addresses are asked without the proxy.

use super::url::origin;

/// Whether one of these names an address: `[http://|https://]HOST[:PORT]`, where `HOST` is `*`, or a host, which
/// means all below it too. Case does not matter, nor a `.` or `*.` before it, nor brackets around an address of IPv6.
pub(super) fn is_exempt(url: &str, exempt: &[String]) -> bool {
    let Some(mut url) = origin(url).and_then(Place::read) else { return false };
    url.port = url.port.or(Some(if url.scheme.as_deref() == Some("https") { 443 } else { 80 }));
    exempt.iter().filter_map(|text| Place::read(text)).any(|place| place.has(&url))
}

/// Where a request goes, or a pattern of it.
struct Place {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (scheme, host) =
            text.split_once("://").map_or((None, &*text), |(scheme, host)| (Some(scheme), host));
        let (host, port) = match host.rsplit_once(':') {
            // Of an address of IPv6 without brackets all colons are its own.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (host, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.strip_prefix("*.").unwrap_or(host).trim_start_matches('.');
        (!host.is_empty()).then(|| Self { scheme: scheme.map(str::to_owned), host: host.to_owned(), port })
    }

    fn has(&self, other: &Self) -> bool {
        let is_below = || other.host.strip_suffix(&self.host).is_some_and(|before| before.ends_with('.'));
        self.scheme.as_ref().is_none_or(|_| self.scheme == other.scheme)
            && self.port.is_none_or(|_| self.port == other.port)
            && (self.host == "*" || self.host == other.host || is_below())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_domains_ports_and_schemes() {
        let is =
            |url: &str, exempt: &str| is_exempt(url, &[String::new(), ":".to_owned(), exempt.to_owned()]);
        let url = "https://Hub.Example.org:8443/a/b?c";
        for exempt in [
            "*",
            "hub.example.org",
            "HUB.EXAMPLE.ORG",
            " hub.example.org ",
            "example.org",
            ".example.org",
            "*.example.org",
            "hub.example.org:8443",
            "*.example.org:8443",
            "*:8443",
            "https://example.org:8443",
            "https://*",
        ] {
            assert!(is(url, exempt), "{exempt}");
        }
        for other in [
            "",
            "ub.example.org",
            "ple.org",
            "a.hub.example.org",
            "hub.example.org:443",
            "hub.example.org:x",
            "http://hub.example.org:8443",
            "example.com",
        ] {
            assert!(!is(url, other), "{other}");
        }
        assert!(is("https://h/x", "h:443") && is("http://h/x", "h:80") && !is("http://h/x", "h:443"));
        assert!(is("http://h:8080/x", "http://*") && !is("https://h/x", "http://*"));
        for exempt in ["::1", "[::1]", "[::1]:8080"] {
            assert!(is("http://[::1]:8080/x", exempt), "{exempt}");
            assert!(!is("http://[::2]:8080/x", exempt), "{exempt}");
        }
        assert!(!is("http://[::1]:80/x", "[::1]:8080"));
        assert!(is("http://127.0.0.1:80/x", "127.0.0.1") && !is("nonsense", "*"));
    }
}
