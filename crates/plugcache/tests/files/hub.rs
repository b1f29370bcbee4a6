//! How a hub is asked: redirects, the token, what it refuses.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use plugcache::embedding::files::{FetchError, ModelStore, Options, Source};

use crate::{
    SMALL, assert_holds, fetch, large, options,
    server::{Do, Server},
    source, store, with_large,
};

const WEIGHTS: &str = "model.safetensors";
const SECRET: &str = "hf_secret";

fn with_token(place: &std::path::Path, server: &Server) -> ModelStore {
    let options = Options { token: Some(SECRET.to_owned()), ..options(server) };
    assert!(!format!("{options:?}").contains(SECRET));
    ModelStore::open(place.join("models-v1"), options).unwrap()
}

/// Weights come from another host, by way of a redirect; another redirect stays on the hub, as for what was
/// renamed. The token is told to the hub alone, and digests are what the hub said, not the other host.
#[test]
fn redirects_are_followed_and_the_token_stays() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let elsewhere = Arc::new(Server::new(&files, |request| match (request.is_get(), request.nth) {
        // What it says of itself is not the file's digest; and it breaks off.
        (true, 0) => Do::BreakAfter(1_000_000),
        _ => Do::Say(format!("ETag: \"{}\"\r\nX-Repo-Commit: other\r\n", "1".repeat(64))),
    }));
    let to = elsewhere.endpoint();
    let hub = Server::new(&files, move |request| match request.file() {
        WEIGHTS => Do::Redirect(302, format!("{to}/cdn/resolve/x/{WEIGHTS}?signature=1")),
        "config.json" if request.path.starts_with("/owner") => {
            Do::Redirect(307, "/renamed/model/resolve/main/config.json".to_owned())
        }
        _ => Do::Serve,
    });
    // The server knows files by their names without what follows.
    let model = fetch(&with_token(place.path(), &hub)).unwrap();
    assert_holds(&model, &files);
    assert!(model.manifest().unwrap().files.iter().all(|file| file.is_verified));
    let bearer = format!("Bearer {SECRET}");
    assert!(hub.requests().iter().all(|request| request.headers.get("authorization") == Some(&bearer)));
    let there = elsewhere.requests();
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|request| request.is_get() && !request.headers.contains_key("authorization")));
    assert_eq!(there[1].from(), Some(1_000_000));
    assert!(hub.requests().iter().any(|request| request.path.starts_with("/renamed")));
}

#[test]
fn redirects_that_lead_nowhere() {
    let cases = [
        ("/owner/model/resolve/main/config.json", "more than 10 redirects"),
        ("file:///etc/passwd", "redirects to nowhere"),
        ("ftp://localhost/x", "redirects to nowhere"),
        ("http://user:secret@localhost/x", "redirects to nowhere"),
        ("http://local host/x?secret", "cannot be used"),
        ("/a b?secret", "cannot be used"),
    ];
    for (to, expected) in cases {
        let place = tempfile::tempdir().unwrap();
        let server = Server::new(&SMALL, |_| Do::Redirect(302, to.to_owned()));
        let error = fetch(&store(place.path(), &server)).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(server.requests().len() <= 11);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let cases = [
        (401, "", "HF_TOKEN"),
        (403, "", "accept its terms"),
        (404, "X-Error-Code: RepoNotFound\r\n", "the repository"),
        (404, "X-Error-Code: RevisionNotFound\r\n", "the revision"),
        (404, "X-Error-Code: EntryNotFound\r\n", "the file"),
        (404, "", "the file"),
        (418, "", "status 418"),
    ];
    for (status, headers, expected) in cases {
        let place = tempfile::tempdir().unwrap();
        let server = Server::new(&SMALL, move |_| Do::Status(status, headers));
        let error = fetch(&with_token(place.path(), &server)).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(expected) && shown.contains("config.json"), "{status}: {shown}");
        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(server.requests().len(), 1, "{status} is not asked again");
    }
}

/// A repository that is gone is no repository without the optional file.
#[test]
fn absence_is_believed_only_of_a_file() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&SMALL, |request| match request.file() {
        "sentence_bert_config.json" => Do::Status(404, "X-Error-Code: RevisionNotFound\r\n"),
        _ => Do::Serve,
    });
    let error = fetch(&store(place.path(), &server)).unwrap_err();
    assert!(matches!(&error, FetchError::NotFound { what, .. } if what == "the revision"), "{error}");
}

/// The branch moves on between two files: they would not belong together.
#[test]
fn all_files_are_of_one_commit() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&SMALL, |request| match request.file() {
        "tokenizer.json" => Do::Say(format!("X-Repo-Commit: {}\r\n", "f".repeat(40))),
        _ => Do::Serve,
    });
    let error = fetch(&store(place.path(), &server)).unwrap_err();
    assert!(error.to_string().contains("of commit fff"), "{error}");
    assert!(store(place.path(), &server).find(&source()).unwrap().is_none());
}

#[test]
fn settings_that_cannot_be_used() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let opened = |options| ModelStore::open(place.path().join("models-v1"), options);
    for endpoint in ["", "hub.example", "ftp://hub.example", "http://a:b@hub.example", "http://h/?x"] {
        let error = opened(Options { endpoint: endpoint.to_owned(), ..options(&server) }).unwrap_err();
        assert!(matches!(error, FetchError::Setting { what: "endpoint", .. }), "{endpoint}: {error}");
    }
    let odd = opened(Options { token: Some("a\nb".to_owned()), ..options(&server) }).unwrap();
    let error = fetch(&odd).unwrap_err();
    assert!(matches!(error, FetchError::Setting { what: "token", .. }), "{error}");
    let odd = opened(Options { proxy: Some("nonsense://x y".to_owned()), ..options(&server) }).unwrap();
    let error = fetch(&odd).unwrap_err();
    assert!(matches!(error, FetchError::Setting { what: "proxy", .. }), "{error}");
    assert!(server.requests().is_empty());
    assert!(Source::new("../x").is_err());
}

/// A mirror on a plain web server may not know `HEAD`.
#[test]
fn a_hub_that_only_answers_to_get() {
    for status in [405, 501] {
        let place = tempfile::tempdir().unwrap();
        let server = Server::new(
            &SMALL,
            move |request| {
                if request.is_get() { Do::Serve } else { Do::Status(status, "") }
            },
        );
        let model = fetch(&store(place.path(), &server)).unwrap();
        assert_holds(&model, &SMALL);
        assert!(model.manifest().unwrap().files.iter().all(|file| file.is_verified));
    }
}

/// A certificate that proves nothing, or no TLS at all, does not become better by asking again.
#[test]
fn no_tls_where_it_should_be() {
    let place = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        bytes[..read].to_vec()
    });
    let server = Server::honest(&SMALL);
    let safe = Options { endpoint, token: Some(SECRET.to_owned()), ..options(&server) };
    let safe = ModelStore::open(place.path().join("models-v1"), safe).unwrap();
    let error = safe.fetch(&source(), &mut |progress| panic!("{progress:?}")).unwrap_err();
    assert!(matches!(error, FetchError::Answer { .. }), "{error}");
    let asked = asked.join().unwrap();
    assert_eq!(asked[0], 0x16, "a TLS handshake");
    assert!(!String::from_utf8_lossy(&asked).contains(SECRET));
}

/// Through a proxy that the caller names, and through no other.
#[test]
fn a_proxy_is_the_callers() {
    let place = tempfile::tempdir().unwrap();
    let proxy = Server::honest(&SMALL);
    let endpoint = "http://hub.invalid".to_owned();
    let through = Options { endpoint, proxy: Some(proxy.endpoint()), ..options(&proxy) };
    let through = ModelStore::open(place.path().join("models-v1"), through).unwrap();
    let outcome = fetch(&through);
    assert!(!proxy.requests().is_empty(), "{outcome:?}");
}
