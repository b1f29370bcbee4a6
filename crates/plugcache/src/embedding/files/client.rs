//! Asking a hub: one request at a time, redirects followed by hand, the token told to the hub alone.

use std::time::Duration;

use ureq::{
    Agent, Body, Error, Proxy,
    http::{Response, StatusCode, header},
};

use super::{
    FetchError, Options,
    description::{Description, text},
    exempt::is_exempt,
    patience::Trouble,
    url,
};

/// A connection to a hub.
pub(super) struct Client<'a> {
    direct: Agent,
    /// Through the proxy, if there is one.
    proxied: Option<Agent>,
    endpoint: String,
    options: &'a Options,
}

/// What a request is for.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// What the hub says of a file; `by_get` of a hub that only answers to `GET`, whose body is then not read.
    Description { by_get: bool },
    /// Its bytes from here on, if it still has this entity tag.
    Bytes { from: u64, if_range: Option<&'a str> },
}

/// What a hub says of a file.
pub(super) enum Found {
    /// It has it.
    File(Description),
    /// It has the repository and the revision, and no such file.
    Nothing {
        /// The hub itself says so. Otherwise it may be a proxy's word, or a mirror's that has no copy yet.
        is_sure: bool,
    },
}

impl<'a> Client<'a> {
    pub(super) fn new(options: &'a Options) -> Result<Self, FetchError> {
        let endpoint = url::endpoint(&options.endpoint)?;
        let unusable = |what, why: &dyn std::fmt::Display| FetchError::Setting { what, why: why.to_string() };
        if options.token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(unusable("token", &"it has characters that no token has"));
        }
        let proxy = options.proxy.as_deref().map(Proxy::new).transpose();
        let proxy = proxy.map_err(|error| unusable("proxy", &error))?;
        let proxied = proxy.map(|proxy| agent(options, Some(proxy)));
        Ok(Self { direct: agent(options, None), proxied, endpoint, options })
    }

    /// Where the hub has a file.
    pub(super) fn url(&self, repository: &str, revision: &str, file: &str) -> String {
        url::of_file(&self.endpoint, repository, revision, file)
    }

    /// What the hub says of a file.
    pub(super) fn describe(&self, url: &str) -> Result<Found, Trouble> {
        let mut description = Description::default();
        let mut at = url.to_owned();
        let mut by_get = false;
        for _ in 0..=self.options.redirects {
            let mut answer = self.send(url, &at, Ask::Description { by_get })?;
            if !by_get && matches!(answer.status().as_u16(), 405 | 501) {
                by_get = true;
                answer = self.send(url, &at, Ask::Description { by_get })?;
            }
            if !is_redirect(answer.status()) {
                if judge(url, &answer)? == StatusCode::NOT_FOUND {
                    let code = text(answer.headers(), "x-error-code");
                    return Ok(Found::Nothing { is_sure: code == Some("EntryNotFound") });
                }
                description.take(answer.headers());
                description.arrive(answer.headers());
                return Ok(Found::File(description));
            }
            description.take(answer.headers());
            at = next(url, &at, &answer)?;
            if !self.is_own(&at) {
                return Ok(Found::File(description));
            }
        }
        Err(self.too_many(url))
    }

    /// A file's bytes, as they are about to arrive: status 200, 206 or 416.
    pub(super) fn bytes(&self, url: &str, ask: Ask<'_>) -> Result<Response<Body>, Trouble> {
        let mut at = url.to_owned();
        for _ in 0..=self.options.redirects {
            let answer = self.send(url, &at, ask)?;
            if !is_redirect(answer.status()) {
                return match judge(url, &answer)? {
                    StatusCode::NOT_FOUND => Err(not_found(url, "the file").into()),
                    _ => Ok(answer),
                };
            }
            at = next(url, &at, &answer)?;
        }
        Err(self.too_many(url))
    }

    /// Asks at `url`, where the way has led from `asked`.
    fn send(&self, asked: &str, url: &str, ask: Ask<'_>) -> Result<Response<Body>, Trouble> {
        let is_direct = is_exempt(url, &self.options.no_proxy);
        let agent = self.proxied.as_ref().filter(|_| !is_direct).unwrap_or(&self.direct);
        let mut request = match ask {
            Ask::Description { by_get: false } => agent.head(url),
            Ask::Description { by_get: true } => agent.get(url),
            Ask::Bytes { from, if_range } => {
                let mut request = agent.get(url);
                if from > 0 {
                    request = request.header(header::RANGE, format!("bytes={from}-"));
                    if let Some(etag) = if_range {
                        request = request.header(header::IF_RANGE, etag);
                    }
                }
                request
            }
        };
        if let Some(token) = self.options.token.as_ref().filter(|_| self.is_own(url)) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call().map_err(|error| failed(asked, error))
    }

    fn is_own(&self, url: &str) -> bool {
        url::origin(url) == url::origin(&self.endpoint)
    }

    fn too_many(&self, url: &str) -> Trouble {
        let why = format!("more than {} redirects", self.options.redirects);
        FetchError::Answer { url: url.to_owned(), why }.into()
    }
}

fn agent(options: &Options, proxy: Option<Proxy>) -> Agent {
    let is_direct = proxy.is_none();
    Agent::config_builder()
        // Unset, it would be read from the environment.
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("plugcache/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        // Per read and not for the whole: what is slow and alive may take its time.
        .timeout_per_read(Some(options.stall))
        .timeout_per_write(Some(options.stall))
        // None for names, for which the library would start a thread; so it would for the name of a proxy
        // within this one. The system then gives up by itself, after minutes.
        .timeout_connect(is_direct.then_some(options.stall))
        // A head that arrives byte by byte is no file that is slow.
        .timeout_recv_response(Some(options.stall.saturating_mul(4)))
        .build()
        .new_agent()
}

/// What became of a request that got no answer.
fn failed(url: &str, error: Error) -> Trouble {
    match error {
        // Not which: that may be a signed address, which is a secret.
        Error::Http(_) | Error::BadUri(_) => {
            let why = "it leads to an address that cannot be used".to_owned();
            FetchError::Answer { url: url.to_owned(), why }.into()
        }
        // What is said at the beginning and is no TLS, or a certificate that proves nothing: neither becomes valid by
        // asking again.
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            FetchError::Answer { url: url.to_owned(), why: error.to_string() }.into()
        }
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => {
            FetchError::Answer { url: url.to_owned(), why: error.to_string() }.into()
        }
        Error::Io(error) => Trouble::passing(error.to_string()),
        other => Trouble::passing(other.to_string()),
    }
}

/// The status of an answer with which something can be done; `NOT_FOUND` if it is the file that is missing.
fn judge(url: &str, answer: &Response<Body>) -> Result<StatusCode, Trouble> {
    let status = answer.status();
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(status),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(FetchError::Refused { url: url.to_owned(), status: status.as_u16() }.into())
        }
        StatusCode::NOT_FOUND => match text(answer.headers(), "x-error-code") {
            Some("RepoNotFound") => Err(not_found(url, "the repository").into()),
            Some("RevisionNotFound") => Err(not_found(url, "the revision").into()),
            _ => Ok(status),
        },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(busy(answer)),
        status if status.is_server_error() => Err(busy(answer)),
        status => {
            let why = format!("the hub answers with status {}", status.as_u16());
            Err(FetchError::Answer { url: url.to_owned(), why }.into())
        }
    }
}

/// Of the two forms of `Retry-After` the one in seconds is read; a date is left to the pauses.
fn busy(answer: &Response<Body>) -> Trouble {
    let after = super::description::number(answer.headers(), "retry-after").map(Duration::from_secs);
    Trouble::Passing { why: format!("status {}", answer.status().as_u16()), after }
}

/// That the hub does not have it.
pub(super) fn not_found(url: &str, what: &str) -> FetchError {
    FetchError::NotFound { url: url.to_owned(), what: what.to_owned() }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn next(url: &str, at: &str, answer: &Response<Body>) -> Result<String, FetchError> {
    let location = text(answer.headers(), header::LOCATION.as_str());
    location.and_then(|location| url::follow(at, location)).ok_or_else(|| FetchError::Answer {
        url: url.to_owned(),
        // Not where it leads: that may be a signed address, which is a secret.
        why: "it redirects to nowhere, or from a safe connection to an open one".to_owned(),
    })
}
