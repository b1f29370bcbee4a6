//! Through a proxy that the caller names, and around it where he says so.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use plugcache::embedding::files::{FetchError, ModelStore, Options};

use crate::{
    SMALL, assert_holds, fetch, options,
    server::{Do, Server},
};

const WEIGHTS: &str = "model.safetensors";

/// A proxy that speaks SOCKS 5 and HTTP's `CONNECT`, and leads to one place whatever it is asked for.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(server: &Server) -> Self {
        let to = server.endpoint().strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (to, asked) = (to.clone(), Arc::clone(&shared));
                std::thread::spawn(move || lead(stream.unwrap(), &to, &asked));
            }
        });
        Self { address, asked }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// The places that it was asked for, each once.
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked.dedup();
        asked
    }
}

fn lead(stream: TcpStream, to: &str, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let target = if reader.fill_buf()?.first() == Some(&5) {
        socks(&mut reader, &stream)?
    } else {
        connect(&mut reader, &stream)?
    };
    asked.lock().unwrap().push(target);
    let there = TcpStream::connect(to)?;
    let (mut back, mut here) = (there.try_clone()?, stream);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut here);
        let _ = here.shutdown(std::net::Shutdown::Both);
    });
    std::io::copy(&mut reader, &mut &there)?;
    there.shutdown(std::net::Shutdown::Both)
}

fn socks(reader: &mut impl Read, mut stream: &TcpStream) -> std::io::Result<String> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        reader.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = take(2)?[1];
    take(usize::from(methods))?;
    stream.write_all(&[5, 0])?;
    let host = if take(4)?[3] == 1 {
        take(4)?.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
    } else {
        let length = take(1)?[0];
        String::from_utf8(take(usize::from(length))?).unwrap()
    };
    let port = take(2)?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
}

fn connect(reader: &mut BufReader<TcpStream>, mut stream: &TcpStream) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head)? > 0, "{head}");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut words = head.split_whitespace();
    assert_eq!(words.next(), Some("CONNECT"), "{head}");
    Ok(words.next().unwrap().to_owned())
}

fn through(place: &Path, server: &Server, endpoint: &str, proxy: &str, without: &[&str]) -> ModelStore {
    let options = Options {
        endpoint: endpoint.to_owned(),
        proxy: Some(proxy.to_owned()),
        no_proxy: without.iter().map(|&text| text.to_owned()).collect(),
        ..options(server)
    };
    ModelStore::open(place.join("models-v1"), options).unwrap()
}

#[test]
fn a_proxy_is_the_callers_whatever_it_speaks() {
    for scheme in ["http", "socks5h"] {
        let place = tempfile::tempdir().unwrap();
        let server = Server::honest(&SMALL);
        let proxy = Proxy::to(&server);
        // The name means nothing here: it is the proxy's to look up.
        let store = through(place.path(), &server, "http://hub.invalid:81", &proxy.url(scheme), &[]);
        assert_holds(&fetch(&store).unwrap(), &SMALL);
        assert_eq!(proxy.asked(), ["hub.invalid:81"], "{scheme}");
    }
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let proxy = Proxy::to(&server);
    let store = through(place.path(), &server, "http://127.0.0.1:81", &proxy.url("socks5"), &[]);
    assert_holds(&fetch(&store).unwrap(), &SMALL);
    assert_eq!(proxy.asked(), ["127.0.0.1:81"]);
}

#[test]
fn a_proxy_that_is_not_there_is_an_error() {
    let server = Server::honest(&SMALL);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h", "socks"] {
        let place = tempfile::tempdir().unwrap();
        let store = through(place.path(), &server, &server.endpoint(), &format!("{scheme}://{free}"), &[]);
        let error = fetch(&store).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { .. }), "{scheme}: {error}");
        assert!(error.to_string().contains("check the connection and the proxy"), "{error}");
    }
    assert!(server.requests().is_empty());
}

/// A mirror within the network leads to a host outside of it, which only the proxy reaches.
#[test]
fn each_address_is_judged_by_itself() {
    let outside = Server::honest(&SMALL);
    for (without, port_of_hub) in [("127.0.0.1", false), ("127.0.0.1", true), ("http://127.0.0.1", false)] {
        let place = tempfile::tempdir().unwrap();
        let to = format!("http://cdn.invalid/cdn/resolve/x/{WEIGHTS}");
        let hub = Server::new(&SMALL, move |request| match request.file() {
            WEIGHTS => Do::Redirect(302, to.clone()),
            _ => Do::Serve,
        });
        let proxy = Proxy::to(&outside);
        let endpoint = hub.endpoint();
        let port = endpoint.rsplit(':').next().unwrap();
        let without = if port_of_hub { format!("{without}:{port}") } else { without.to_owned() };
        let store = through(place.path(), &hub, &endpoint, &proxy.url("http"), &[&without]);
        assert_holds(&fetch(&store).unwrap(), &SMALL);
        assert_eq!(proxy.asked(), ["cdn.invalid:80"], "{without}");
        assert!(hub.gets(WEIGHTS).len() == 1 && hub.gets("config.json").len() == 1);
    }
}
