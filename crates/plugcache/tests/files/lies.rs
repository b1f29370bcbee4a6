//! Hubs whose files are not what they say.

use plugcache::embedding::files::{FetchError, ModelStore, Options, Sha256Sum};

use crate::{
    SMALL, assert_holds, fetch, large, options, parts,
    server::{COMMIT, Do, Server, says},
    source, store, with_large,
};

const WEIGHTS: &str = "model.safetensors";

/// A server that does this with the first so many questions for the bytes of a file.
fn lying(files: &[(&str, &[u8])], file: &'static str, times: usize, action: Do) -> Server {
    Server::new(files, move |request| {
        let is_met = request.is_get() && request.file() == file && request.nth < times;
        if is_met { action.clone() } else { Do::Serve }
    })
}

#[test]
fn one_flipped_bit_is_fetched_again_and_then_refused() {
    let large = large();
    let files = with_large(&large);
    for (file, at) in [(WEIGHTS, 2_345_678), ("config.json", 3)] {
        let place = tempfile::tempdir().unwrap();
        let once = lying(&files, file, 1, Do::Flip(at));
        assert_holds(&fetch(&store(place.path(), &once)).unwrap(), &files);
        assert_eq!(once.gets(file).len(), 2, "{file}");
        assert!(once.gets(file)[1].from().is_none(), "from the beginning");

        let other = tempfile::tempdir().unwrap();
        let always = lying(&files, file, usize::MAX, Do::Flip(at));
        let store = store(other.path(), &always);
        let error = fetch(&store).unwrap_err();
        let FetchError::Mismatch { url, expected, got } = &error else { panic!("{error}") };
        assert!(url.ends_with(file) && expected != got, "{error}");
        let kind = if file == WEIGHTS { "SHA-256 " } else { "git blob " };
        assert!(expected.starts_with(kind) && got.starts_with(kind), "{error}");
        assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
        assert_eq!(always.gets(file).len(), 2, "twice and not for ever");
        assert!(parts(&store).is_empty(), "nothing wrong is kept");
        assert!(store.find(&source()).unwrap().is_none());
    }
}

/// What is put together of a wrong beginning and a right end is wrong, and fetched anew.
#[test]
fn a_wrong_beginning_is_not_built_upon() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let server = lying(&files, WEIGHTS, 1, Do::BreakAfter(1_000_000));
    let hasty = Options { tries: 1, ..options(&server) };
    let hasty = ModelStore::open(place.path().join("models-v1"), hasty).unwrap();
    assert!(matches!(fetch(&hasty), Err(FetchError::Unreachable { tries: 1, .. })));
    let [part] = &parts(&hasty)[..] else { panic!("there is one partial file") };
    let mut bytes = std::fs::read(part).unwrap();
    assert_eq!(bytes.len(), 1_000_000);
    bytes[500_000] ^= 1;
    std::fs::write(part, bytes).unwrap();
    assert_holds(&fetch(&hasty).unwrap(), &files);
    let from: Vec<_> = server.gets(WEIGHTS).iter().map(crate::server::Request::from).collect();
    assert_eq!(from, [None, Some(1_000_000), None]);
}

#[test]
fn lengths_that_are_not_true() {
    let cases: [(&str, Do); 2] = [("longer", Do::Longer(5)), ("endless", Do::Endless)];
    for (what, action) in cases {
        let place = tempfile::tempdir().unwrap();
        let server = lying(&SMALL, WEIGHTS, usize::MAX, action);
        let store = store(place.path(), &server);
        let error = fetch(&store).unwrap_err();
        let is_length = matches!(&error, FetchError::Mismatch { expected, .. } if expected == "36 bytes");
        assert!(is_length, "{what}: {error}");
        assert!(parts(&store).is_empty(), "{what}");
    }
    // The hub says 40, and there are 36.
    let place = tempfile::tempdir().unwrap();
    let said = says(WEIGHTS, SMALL[2].1).replace("Size: 36", "Size: 40");
    let server = Server::new(&SMALL, move |request| match request.file() {
        WEIGHTS => Do::Say(said.clone()),
        _ => Do::Serve,
    });
    let error = fetch(&store(place.path(), &server)).unwrap_err();
    assert!(
        matches!(&error, FetchError::Unreachable { why, .. } if why.contains("36 of 40 bytes")),
        "{error}"
    );
}

#[test]
fn without_an_end_and_without_a_length() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&SMALL, |_| Do::Endless);
    let limited = Options { largest: 100_000, allow_unverified: true, ..options(&server) };
    let limited = ModelStore::open(place.path().join("models-v1"), limited).unwrap();
    let error = fetch(&limited).unwrap_err();
    assert!(matches!(&error, FetchError::TooLarge { limit: 100_000, .. }), "{error}");
    let sent = server.sent("config.json");
    assert!(sent > 100_000, "{sent}");
    assert!(parts(&limited).is_empty());
    // A file that is said to be too large is not begun.
    let large = large();
    let server = Server::honest(&with_large(&large));
    let limited = Options { largest: 100_000, ..options(&server) };
    let other = tempfile::tempdir().unwrap();
    let limited = ModelStore::open(other.path().join("models-v1"), limited).unwrap();
    let error = fetch(&limited).unwrap_err();
    assert!(matches!(&error, FetchError::TooLarge { .. }), "{error}");
    assert!(server.gets(WEIGHTS).is_empty());
}

#[test]
fn what_nobody_vouches_for_is_taken_only_if_allowed() {
    let place = tempfile::tempdir().unwrap();
    // The tag of a plain web server is a digest of nothing.
    let silent = || Server::new(&SMALL, |_| Do::Say("ETag: \"5f3e-61a\"\r\n".to_owned()));
    let server = silent();
    let error = fetch(&store(place.path(), &server)).unwrap_err();
    assert!(matches!(&error, FetchError::Unverifiable { .. }), "{error}");
    assert!(error.to_string().contains("pin its SHA-256"), "{error}");
    assert_eq!(server.gets("config.json").len(), 0);

    let mut pinned = source();
    for (name, bytes) in SMALL {
        pinned = pinned.pinned(name, &Sha256Sum::of(bytes).to_string()).unwrap();
    }
    let model = store(place.path(), &server).fetch(&pinned, &mut |_| {}).unwrap();
    assert_holds(&model, &SMALL);
    assert_eq!(model.manifest().unwrap().commit, None);

    let other = tempfile::tempdir().unwrap();
    let server = silent();
    let trusting = Options { allow_unverified: true, ..options(&server) };
    let trusting = ModelStore::open(other.path().join("models-v1"), trusting).unwrap();
    let model = fetch(&trusting).unwrap();
    assert_holds(&model, &SMALL);
    assert!(model.manifest().unwrap().files.iter().all(|file| !file.is_verified));
}

/// A pin comes before what the hub says, whether that is right or wrong.
#[test]
fn a_pin_comes_first() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let wrong = source().pinned("config.json", &Sha256Sum::of(b"other").to_string()).unwrap();
    let error = store(place.path(), &server).fetch(&wrong, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("If the digest was pinned, check it"), "{error}");

    let lie = format!("X-Repo-Commit: {COMMIT}\r\nETag: \"{}\"\r\n", "0".repeat(40));
    let server = Server::new(&SMALL, move |request| match request.file() {
        "config.json" => Do::Say(lie.clone()),
        _ => Do::Serve,
    });
    assert!(fetch(&store(place.path(), &server)).is_err());
    let right = source().pinned("config.json", &Sha256Sum::of(SMALL[0].1).to_string()).unwrap();
    assert_holds(&store(place.path(), &server).fetch(&right, &mut |_| {}).unwrap(), &SMALL);
}
