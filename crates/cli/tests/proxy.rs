//! Which of the addresses of a fetch are asked through the proxy that the environment names.

#![cfg(feature = "embedding")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[expect(dead_code, reason = "it can misbehave in more ways than are needed here")]
#[path = "../../plugcache/tests/files/server.rs"]
mod server;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
};

use server::{Do, Server};

const FILES: [(&str, &[u8]); 3] =
    [("config.json", b"{}"), ("tokenizer.json", b"{}"), ("model.safetensors", b"0123")];

fn warm(place: &Path, endpoint: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
    command.args(["cache", "warm", "--model", "owner/model"]).current_dir(place).env_clear();
    command.env("PLUGCACHE_DIR", place.join("cache")).env("HOME", place).env("HF_ENDPOINT", endpoint);
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn listen(scheme: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A mirror without TLS needs no proxy. Where it leads to does.
#[test]
fn a_mirror_that_leads_outside() {
    let place = tempfile::tempdir().unwrap();
    let (proxy, url) = listen("http");
    let mirror = Server::new(&FILES, |request| match request.file() {
        "model.safetensors" => Do::Redirect(302, "https://cdn.invalid/x?signature=1".to_owned()),
        _ => Do::Serve,
    });
    let mut child = warm(place.path(), &mirror.endpoint(), &[("HTTPS_PROXY", &url)]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(proxy.accept().unwrap().0).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, "CONNECT cdn.invalid:443 HTTP/1.1\r\n");
    assert_eq!(mirror.gets("config.json").len(), 1);
}

/// As others understand it: with a port, in any case, with a wildcard, in a list.
#[test]
fn what_is_exempt_is_asked_directly() {
    let (proxy, url) = listen("http");
    let (hub, endpoint) = listen("https");
    let port = hub.local_addr().unwrap().port();
    let local = format!("https://LOCALHOST:{port}");
    // Whoever asks the proxy is told to the hub, which else would wait.
    std::thread::spawn(move || {
        for asked in proxy.incoming() {
            let _asked = asked.unwrap();
            TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(b"P").unwrap();
        }
    });
    let cases = [
        (&endpoint, format!("127.0.0.1:{port}")),
        (&endpoint, "example.org, 127.0.0.1".to_owned()),
        (&endpoint, "*".to_owned()),
        (&local, "localhost".to_owned()),
        (&local, format!("*.LocalHost:{port}")),
    ];
    for (endpoint, exempt) in cases {
        let place = tempfile::tempdir().unwrap();
        let child = warm(place.path(), endpoint, &[("HTTPS_PROXY", &url), ("NO_PROXY", &exempt)]).spawn();
        let mut stream = hub.accept().unwrap().0;
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first[0], 0x16, "{exempt}: this is no TLS handshake with the hub itself");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let output = child.unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("check that the endpoint is a hub"), "{said}");
    }
}
