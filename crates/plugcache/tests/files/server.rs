//! A hub on loopback: serves files as hubs do, and misbehaves as told.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

pub(crate) const COMMIT: &str = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf";

/// What the server does with a request for a file that it has.
#[derive(Clone)]
pub(crate) enum Do {
    /// As it should be.
    Serve,
    /// So many bytes of the body, then the connection is closed.
    BreakAfter(usize),
    /// The same from the beginning, whatever was asked for.
    BreakAllAfter(usize),
    /// So many bytes of the body, then nothing more until the client goes.
    StallAfter(usize),
    /// Nothing at all until the client goes.
    Silence,
    /// All of it, whatever was asked for.
    IgnoreRange,
    /// The right piece under the name of another.
    MisnameRange,
    /// One bit of the byte at this offset of the file is another.
    Flip(usize),
    /// So many more bytes than it has.
    Longer(usize),
    /// Without an end, and without saying how much it is.
    Endless,
    /// In pieces, with a pause before each.
    Slowly(usize, Duration),
    /// To another place.
    Redirect(u16, String),
    /// This status, with these headers.
    Status(u16, &'static str),
    /// As it should be, but with these headers instead of those that say what it is.
    Say(String),
    /// Another file in its place, there or not, of which these headers say what it is.
    Instead(Vec<u8>, String),
    /// A page for people, with status 200.
    Page,
}

/// A request, as it was understood.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// How many of this method for this file came before.
    pub(crate) nth: usize,
}

impl Request {
    pub(crate) fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// The file that it is about, without repository and revision.
    pub(crate) fn file(&self) -> &str {
        self.path
            .split_once("/resolve/")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map_or("", |(_, file)| file.split('?').next().unwrap())
    }

    pub(crate) fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

type Script = dyn Fn(&Request) -> Do + Send + Sync;

struct State {
    files: BTreeMap<String, Vec<u8>>,
    script: Box<Script>,
    requests: Mutex<Vec<Request>>,
    /// Bytes of bodies that were sent, by file.
    sent: Mutex<BTreeMap<String, usize>>,
}

/// A running hub; it ends with the test program.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Serves these files as they should be.
    pub(crate) fn honest(files: &[(&str, &[u8])]) -> Self {
        Self::new(files, |_| Do::Serve)
    }

    pub(crate) fn new(
        files: &[(&str, &[u8])],
        script: impl Fn(&Request) -> Do + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            files: files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect(),
            script: Box::new(script),
            requests: Mutex::default(),
            sent: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&state, &stream.unwrap()));
            }
        });
        Self { address, state }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    pub(crate) fn gets(&self, file: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.is_get() && request.file() == file).collect()
    }

    /// Bytes of a file that were handed to the system for sending.
    pub(crate) fn sent(&self, file: &str) -> usize {
        self.state.sent.lock().unwrap().get(file).copied().unwrap_or(0)
    }
}

/// What a hub says of a file: a SHA-256 of what is large, the name of its blob of what is small.
pub(crate) fn says(name: &str, bytes: &[u8]) -> String {
    let mut text = format!("X-Repo-Commit: {COMMIT}\r\n");
    if name.ends_with(".safetensors") {
        let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        let _ = write!(text, "X-Linked-Etag: \"{sum}\"\r\nX-Linked-Size: {}\r\n", bytes.len());
    } else {
        let mut blob = sha1::Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
        blob.update(bytes);
        let _ = write!(text, "ETag: \"{}\"\r\n", data_encoding::HEXLOWER.encode(&blob.finalize()));
    }
    text
}

fn serve(state: &State, stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = read(&mut reader) {
        let action = {
            let mut requests = state.requests.lock().unwrap();
            let same = |other: &&Request| other.method == request.method && other.path == request.path;
            request.nth = requests.iter().filter(same).count();
            requests.push(request.clone());
            (state.script)(&request)
        };
        if answer(state, stream, &request, &action).is_none() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    Some(Request { method, path, headers, nth: 0 })
}

/// `None`: the connection is to be closed.
fn answer(state: &State, mut stream: &TcpStream, request: &Request, action: &Do) -> Option<()> {
    let send = |mut stream: &TcpStream, bytes: &[u8]| -> Option<()> {
        stream.write_all(bytes).ok()?;
        *state.sent.lock().unwrap().entry(request.file().to_owned()).or_default() += bytes.len();
        Some(())
    };
    let empty = |mut stream: &TcpStream, status: u16, headers: &str| {
        let text = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).ok()
    };
    match action {
        Do::Silence => return wait_for_end(stream),
        Do::Status(status, headers) => return empty(stream, *status, headers),
        Do::Redirect(status, to) => {
            let file = state.files.get(request.file());
            let says = file.map(|bytes| says(request.file(), bytes)).unwrap_or_default();
            return empty(stream, *status, &format!("{says}Location: {to}\r\n"));
        }
        _ => {}
    }
    let file = match action {
        Do::Instead(bytes, _) => Some(bytes.as_slice()),
        Do::Page => Some(&b"<!DOCTYPE html><title>Log in</title>"[..]),
        _ => state.files.get(request.file()).map(Vec::as_slice),
    };
    let Some(file) = file else {
        return empty(stream, 404, "X-Error-Code: EntryNotFound\r\n");
    };
    let mut body = file.to_vec();
    match action {
        Do::Flip(at) => body[*at] ^= 4,
        Do::Longer(by) => body.extend(std::iter::repeat_n(b'+', *by)),
        _ => {}
    }
    let says = match action {
        Do::Say(text) | Do::Instead(_, text) => text.clone(),
        Do::Page => "Content-Type: text/html\r\n".to_owned(),
        _ => says(request.file(), file),
    };
    let from =
        request.from().filter(|_| !matches!(action, Do::IgnoreRange | Do::BreakAllAfter(_) | Do::Endless));
    if from.is_some_and(|from| from >= body.len()) {
        return empty(stream, 416, &format!("Content-Range: bytes */{}\r\n", body.len()));
    }
    let begin = from.unwrap_or(0);
    let mut head = if from.is_some() {
        let named = if matches!(action, Do::MisnameRange) { begin + 1 } else { begin };
        let range = format!("Content-Range: bytes {named}-{}/{}\r\n", body.len() - 1, body.len());
        format!("HTTP/1.1 206 Partial Content\r\n{range}{says}")
    } else {
        format!("HTTP/1.1 200 OK\r\n{says}")
    };
    let piece = &body[begin..];
    if matches!(action, Do::Endless) {
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
        while request.is_get() {
            send(stream, &[b'x'; 4096])?;
        }
        return None;
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", piece.len());
    stream.write_all(head.as_bytes()).ok()?;
    if !request.is_get() {
        return Some(());
    }
    match action {
        Do::BreakAfter(bytes) | Do::BreakAllAfter(bytes) => {
            send(stream, &piece[..(*bytes).min(piece.len())])?;
            None
        }
        Do::StallAfter(bytes) => {
            send(stream, &piece[..(*bytes).min(piece.len())])?;
            wait_for_end(stream)
        }
        Do::Slowly(bytes, pause) => {
            for piece in piece.chunks(*bytes) {
                std::thread::sleep(*pause);
                send(stream, piece)?;
            }
            Some(())
        }
        _ => send(stream, piece),
    }
}

/// The client has gone when there is nothing to read any more.
fn wait_for_end(mut stream: &TcpStream) -> Option<()> {
    while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
    None
}
