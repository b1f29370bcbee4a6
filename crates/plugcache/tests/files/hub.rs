//! How a hub is asked: redirects, the token, what it refuses.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use plugcache::embedding::files::{FetchError, ModelStore, Options, Progress, Sha256Sum, Source};

use crate::{
    ABSENT, SMALL, assert_holds, fetch, large, options,
    server::{COMMIT, Do, Request, Server, says},
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
        let server = Server::new(&SMALL, |request| {
            let is_held = SMALL.iter().any(|(name, _)| *name == request.file());
            if is_held { Do::Redirect(302, to.to_owned()) } else { Do::Serve }
        });
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

/// A proxy or a mirror says 404 once for a file that the hub has: kept as absent, it would be for ever.
#[test]
fn a_stray_404_is_not_remembered_as_absence() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&SMALL, |request| match (request.file(), request.nth) {
        ("modules.json", 0) if !request.is_get() => Do::Status(404, ""),
        _ => Do::Serve,
    });
    let model = fetch(&store(place.path(), &server)).unwrap();
    assert_holds(&model, &SMALL);
    assert!(!model.manifest().unwrap().absent.contains(&"modules.json".to_owned()));
}

/// The hub's own word is believed at once; a 404 of whoever it may be after a pause, if it is said again.
#[test]
fn absence_is_the_hubs_word_or_said_twice() {
    for (headers, asked) in [("X-Error-Code: EntryNotFound\r\n", 1), ("", 2)] {
        let place = tempfile::tempdir().unwrap();
        let server = Server::new(&SMALL, move |request| match request.file() {
            "1_Pooling/config.json" => Do::Status(404, headers),
            _ => Do::Serve,
        });
        let mut pauses = Vec::new();
        let model = store(place.path(), &server).fetch(&source(), &mut |progress| {
            if let Progress::Retrying { file, why, after } = progress {
                assert!(why.contains("404"), "{why}");
                pauses.push((file.to_owned(), after));
            }
        });
        let absent = model.unwrap().manifest().unwrap().absent.clone();
        assert_eq!(absent, ABSENT);
        let heads = server.requests().into_iter().filter(|request| request.file() == absent[0]);
        assert_eq!(heads.count(), asked, "{headers}");
        let pause = ("1_Pooling/config.json".to_owned(), options(&server).first_pause);
        assert_eq!(pauses, if asked == 1 { vec![] } else { vec![pause] });
    }
}

/// What stands between a network and the world answers to everything with a page of its own, or leads to it.
#[test]
fn a_page_that_asks_for_a_login_is_no_file() {
    let elsewhere = Server::new(&SMALL, |_| Do::Page);
    let to = format!("{}/login", elsewhere.endpoint());
    for action in [Do::Page, Do::Redirect(302, to)] {
        for file in ["config.json", "1_Pooling/config.json"] {
            let place = tempfile::tempdir().unwrap();
            let action = action.clone();
            let server = Server::new(&[], move |request| match request.file() {
                name if name == file => action.clone(),
                name => SMALL
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or(Do::Status(404, "X-Error-Code: EntryNotFound\r\n"), |(_, bytes)| {
                        Do::Instead(bytes.to_vec(), says(name, bytes))
                    }),
            });
            let store = store(place.path(), &server);
            let error = fetch(&store).unwrap_err();
            assert!(matches!(&error, FetchError::Unverifiable { url } if url.ends_with(file)), "{error}");
            assert!(store.find(&source()).unwrap().is_none());
            // Pinned, its bytes are looked at, and they are not the file's.
            let pinned = source().pinned(file, &Sha256Sum::of(b"{}").to_string()).unwrap();
            let error = store.fetch(&pinned, &mut |_| {}).unwrap_err();
            assert!(matches!(&error, FetchError::Mismatch { url, .. } if url.ends_with(file)), "{error}");
            assert!(crate::parts(&store).is_empty() && store.find(&pinned).unwrap().is_none());
        }
    }
}

/// The hub names the commit with the second file only, and the first one is of the branch as it was until then.
#[test]
fn a_commit_that_is_named_late_counts_for_all_files() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&SMALL, |request| match request.file() {
        "config.json" if request.path.contains("/main/") => {
            let older = b"{\"hidden_size\": 8}";
            Do::Instead(older.to_vec(), without_commit("config.json", older))
        }
        _ => Do::Serve,
    });
    let model = fetch(&store(place.path(), &server)).unwrap();
    assert_holds(&model, &SMALL);
    assert_eq!(model.manifest().unwrap().commit.as_deref(), Some(COMMIT));
    let gets = server.requests().into_iter().filter(Request::is_get);
    assert!(gets.map(|request| request.path).all(|path| path.contains(COMMIT)));
}

/// No commit is ever named, and a push comes between the first file and the last.
#[test]
fn without_a_commit_files_that_change_meanwhile_are_fetched_anew() {
    const NEWER: &[u8] = b"{\"hidden_size\": 8}";
    let place = tempfile::tempdir().unwrap();
    let is_pushed = AtomicBool::new(false);
    let server = Server::new(&SMALL, move |request| {
        if request.is_get() && request.file() == "modules.json" {
            is_pushed.store(true, Ordering::Relaxed);
        }
        let held = SMALL.iter().find(|(name, _)| *name == request.file());
        held.map_or(Do::Serve, |&(name, bytes)| {
            let is_new = name == "config.json" && is_pushed.load(Ordering::Relaxed);
            let bytes = if is_new { NEWER } else { bytes };
            Do::Instead(bytes.to_vec(), without_commit(name, bytes))
        })
    });
    let model = fetch(&store(place.path(), &server)).unwrap();
    let mut expected = SMALL;
    expected[0].1 = NEWER;
    assert_holds(&model, &expected);
    assert_eq!(server.gets("model.safetensors").len(), 1, "what has not changed is kept");

    // Another one after each transfer: there is no moment of which all files are.
    let place = tempfile::tempdir().unwrap();
    let pushes = AtomicUsize::new(0);
    let server = Server::new(&SMALL, move |request| {
        let held = SMALL.iter().find(|(name, _)| *name == request.file());
        held.map_or(Do::Serve, |&(name, bytes)| {
            let is_modules = name == "modules.json";
            let by = usize::from(is_modules && request.is_get());
            let count = pushes.fetch_add(by, Ordering::Relaxed).to_string();
            let bytes = if is_modules { count.as_bytes() } else { bytes };
            Do::Instead(bytes.to_vec(), without_commit(name, bytes))
        })
    });
    let restless = store(place.path(), &server);
    let error = fetch(&restless).unwrap_err();
    assert!(!matches!(error, FetchError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("give a commit as its revision"), "{error}");
    assert!(restless.find(&source()).unwrap().is_none());
}

fn without_commit(name: &str, bytes: &[u8]) -> String {
    says(name, bytes).replace(&format!("X-Repo-Commit: {COMMIT}\r\n"), "")
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
