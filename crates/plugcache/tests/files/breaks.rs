//! Transfers that break, stall, or are not what was asked for: gone on with, until nothing comes any more.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use plugcache::embedding::files::{FetchError, ModelStore, Options, Progress};

use crate::{
    SMALL, assert_holds, fetch, large, options, parts,
    server::{Do, Request, Server},
    source, store, with_large,
};

const WEIGHTS: &str = "model.safetensors";

/// A server that does this with each question for the bytes of the weights, and serves the rest.
fn weights(large: &[u8], script: impl Fn(&Request) -> Do + Send + Sync + 'static) -> Server {
    Server::new(&with_large(large), move |request| {
        if request.is_get() && request.file() == WEIGHTS { script(request) } else { Do::Serve }
    })
}

/// A store that waits hardly at all for a byte.
fn impatient(place: &Path, server: &Server) -> ModelStore {
    let options = Options { stall: Duration::from_millis(200), ..options(server) };
    ModelStore::open(place.join("models-v1"), options).unwrap()
}

#[test]
fn a_break_is_resumed_where_it_was() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    // Ten breaks, more than the tries without progress.
    let server = weights(&large, |request| match request.nth {
        0..10 => Do::BreakAfter(250_000),
        _ => Do::Serve,
    });
    let model = fetch(&store(place.path(), &server)).unwrap();
    assert_holds(&model, &with_large(&large));
    let gets = server.gets(WEIGHTS);
    assert_eq!(gets.len(), 11);
    let from: Vec<_> = gets.iter().map(|request| request.from().unwrap_or(0)).collect();
    assert!(from.is_sorted() && from[10] == 2_500_000, "{from:?}");
    assert_eq!(server.sent(WEIGHTS), large.len(), "no byte is sent twice");
}

#[test]
fn what_stalls_is_resumed_and_what_is_slow_is_not_cut_off() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let server = weights(&large, |request| match request.nth {
        0 => Do::Silence,
        1 | 2 => Do::StallAfter(1_000_000),
        _ => Do::Serve,
    });
    assert_holds(&fetch(&impatient(place.path(), &server)).unwrap(), &with_large(&large));
    let gets = server.gets(WEIGHTS);
    assert!(gets.len() >= 4 && gets[3].from() > Some(0), "{gets:?}");
    assert!(gets.iter().map(Request::from).is_sorted(), "{gets:?}");

    // Twenty pauses of a tenth of a second are longer than the time in which something has to come, none of them
    // alone is.
    let slow = weights(SMALL[2].1, |_| Do::Slowly(2, Duration::from_millis(100)));
    let other = tempfile::tempdir().unwrap();
    let patient = Options { stall: Duration::from_secs(1), ..options(&slow) };
    let patient = ModelStore::open(other.path().join("models-v1"), patient).unwrap();
    let began = Instant::now();
    assert_holds(&fetch(&patient).unwrap(), &SMALL);
    assert!(began.elapsed() > Duration::from_secs(1), "it was not slow");
    assert_eq!(slow.gets(WEIGHTS).len(), 1);
}

#[test]
fn a_server_that_stalls_for_ever_is_given_up_and_the_rest_comes_later() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let stalls =
        weights(&large, |request| if request.nth == 0 { Do::BreakAfter(2_000_000) } else { Do::Silence });
    let error = fetch(&impatient(place.path(), &stalls)).unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { tries: 4, .. }), "{error}");
    for word in [WEIGHTS, "timeout", "goes on where this one ended"] {
        assert!(error.to_string().contains(word), "{word} in {error}");
    }
    assert!(store(place.path(), &stalls).find(&source()).unwrap().is_none());
    // Another endpoint, another time: it is the same file by its digest.
    let server = weights(&large, |_| Do::Serve);
    let store = store(place.path(), &server);
    assert_eq!(parts(&store).len(), 1);
    assert_holds(&fetch(&store).unwrap(), &with_large(&large));
    let gets = server.gets(WEIGHTS);
    assert_eq!((gets.len(), gets[0].from()), (1, Some(2_000_000)));
    assert_eq!(server.sent(WEIGHTS), 1_000_000);
    assert!(parts(&store).is_empty());
}

#[test]
fn a_server_without_pieces_sends_it_all_again() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    for (what, second) in
        [("all", Do::IgnoreRange), ("another piece", Do::MisnameRange), ("none", Do::Status(416, ""))]
    {
        let server = weights(&large, move |request| match request.nth {
            0 => Do::BreakAfter(1_000_000),
            1 => second.clone(),
            _ => Do::Serve,
        });
        let place = place.path().join(what);
        assert_holds(&fetch(&store(&place, &server)).unwrap(), &with_large(&large));
        let gets = server.gets(WEIGHTS);
        assert_eq!(gets[1].from(), Some(1_000_000), "{what}");
        // After a wrong piece it is asked for the whole.
        assert!(gets.iter().skip(2).all(|request| request.from().is_none()), "{what}");
        assert_eq!(gets.len(), if what == "all" { 2 } else { 3 }, "{what}");
    }
}

#[test]
fn always_the_same_break_is_no_progress() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let server = weights(&large, |_| Do::BreakAllAfter(2_000_000));
    let error = fetch(&store(place.path(), &server)).unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { tries: 4, .. }), "{error}");
    // The first one brought something, so the count began with it.
    assert_eq!(server.gets(WEIGHTS).len(), 4);
}

/// A byte with each try is no progress: three million tries would be none too few.
#[test]
fn a_trickle_is_given_up() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let server = weights(&large, |_| Do::BreakAfter(1));
    let mut tries = 0;
    let error = store(place.path(), &server).fetch(&source(), &mut |progress| {
        tries += usize::from(matches!(progress, Progress::Retrying { .. }));
        assert!(tries < 50, "it is never given up");
    });
    let error = error.unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { tries: 4, .. }), "{error}");
    assert_eq!(server.gets(WEIGHTS).len(), 4);
    // What came is kept all the same.
    let server = weights(&large, |_| Do::Serve);
    assert_holds(&fetch(&store(place.path(), &server)).unwrap(), &with_large(&large));
    assert_eq!(server.gets(WEIGHTS)[0].from(), Some(4));
}

#[test]
fn a_busy_hub_is_waited_for_within_a_bound() {
    let place = tempfile::tempdir().unwrap();
    let server = weights(SMALL[2].1, |request| match request.nth {
        0 => Do::Status(429, "Retry-After: 1\r\n"),
        1 => Do::Status(503, "Retry-After: 0\r\n"),
        _ => Do::Serve,
    });
    let mut pauses = Vec::new();
    let model = store(place.path(), &server).fetch(&source(), &mut |progress| {
        if let Progress::Retrying { file, why, after } = progress {
            pauses.push((file.to_owned(), why.to_owned(), after));
        }
    });
    assert_holds(&model.unwrap(), &SMALL);
    assert_eq!(pauses.len(), 2);
    let (file, why, after) = &pauses[0];
    assert_eq!((file.as_str(), why.as_str(), after.as_secs()), (WEIGHTS, "status 429", 1));
    assert_eq!(pauses[1].1, "status 503");

    let server = Server::new(&SMALL, |_| Do::Status(429, "Retry-After: 86400\r\n"));
    let other = tempfile::tempdir().unwrap();
    let error = fetch(&store(other.path(), &server)).unwrap_err();
    assert!(matches!(&error, FetchError::Busy { wait, .. } if wait.as_secs() == 86_400), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn nobody_listens() {
    let place = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::honest(&SMALL);
    let nobody = Options { endpoint: format!("http://{free}"), ..options(&server) };
    let nobody = ModelStore::open(place.path().join("models-v1"), nobody).unwrap();
    let error = fetch(&nobody).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { tries: 4, .. }), "{error}");
    assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
}
