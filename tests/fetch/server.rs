//! A server of pictures on the loopback that misbehaves as it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt as _;

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Path, with its query.
    pub path: String,
    pub headers: HeaderMap,
    /// How often the path was asked for before.
    pub before: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// First byte of the range that is asked for.
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes after which the connection breaks.
    cut: Option<usize>,
    /// Pause after every piece of so many bytes.
    drip: Option<(usize, Duration)>,
    /// Pause before anything.
    holds: Duration,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut: None,
            drip: None,
            holds: Duration::ZERO,
        }
    }

    /// A picture, as a good server sends it.
    pub fn picture(bytes: &[u8]) -> Self {
        Answer::status(200).with("content-type", "image/png").body(bytes)
    }

    pub fn to(location: &str) -> Self {
        Answer::status(302).with("location", location)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self
    }

    /// Announces the whole, and breaks off.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    pub fn dripping(mut self, bytes: usize, pause: Duration) -> Self {
        self.drip = Some((bytes, pause));
        self
    }

    pub fn holding(mut self, pause: Duration) -> Self {
        self.holds = pause;
        self
    }

    /// The part of a picture that is asked for, or all of it.
    pub fn part(asked: &Asked, etag: &str, bytes: &[u8]) -> Self {
        match asked.from() {
            Some(from) if asked.header("if-range") == Some(etag) => Answer::status(206)
                .with("content-range", &format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()))
                .with("etag", etag)
                .body(&bytes[from..]),
            _ => Answer::picture(bytes).with("etag", etag),
        }
    }

    fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        let says_length = self.headers.iter().any(|(name, _)| name == "content-length");
        let chunked = self.headers.iter().any(|(name, _)| name == "transfer-encoding");
        for (name, value) in &self.headers {
            if name != "transfer-encoding" {
                response = response.header(name, value);
            }
        }
        if self.cut.is_none() && self.drip.is_none() && !chunked {
            return response.body(Body::from(self.body)).expect("a response");
        }
        if !says_length && !chunked {
            response = response.header("content-length", self.body.len());
        }
        let (size, pause) = self.drip.unwrap_or((usize::MAX, Duration::ZERO));
        let whole = match self.cut {
            Some(cut) => &self.body[..cut],
            None => &self.body[..],
        };
        let mut pieces: Vec<std::io::Result<Bytes>> = whole
            .chunks(size.min(whole.len().max(1)))
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        if self.cut.is_some() {
            pieces.push(Err(std::io::Error::other("cut")));
        }
        let stream = futures_util::stream::iter(pieces).then(move |piece| async move {
            if piece.is_err() {
                // What came before is to arrive first.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            tokio::time::sleep(pause).await;
            piece
        });
        response.body(Body::from_stream(stream)).expect("a response")
    }
}

type Says = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

#[derive(Clone)]
struct Desk {
    says: Says,
    asked: Arc<Mutex<Vec<Asked>>>,
    times: Arc<Mutex<HashMap<String, usize>>>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// It answers until the test ends.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    desk: Desk,
}

impl Server {
    /// One that answers by a state, which the test changes.
    pub fn with_state(
        first: u8,
        says: impl Fn(u8, &Asked) -> Answer + Send + Sync + 'static,
    ) -> (Self, Arc<AtomicU8>) {
        let state = Arc::new(AtomicU8::new(first));
        let seen = Arc::clone(&state);
        (Self::new(move |asked| says(seen.load(Ordering::SeqCst), asked)), state)
    }

    pub fn new(says: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let desk = Desk {
            says: Arc::new(says),
            asked: Arc::default(),
            times: Arc::default(),
            now: Arc::default(),
            most: Arc::default(),
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("it can be waited for");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let app = Router::new().fallback(answer).with_state(desk.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                axum::serve(listener, app).await.expect("it serves");
            });
        });
        Server { url, desk }
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.desk.asked.lock().expect("no test panics here").clone()
    }

    /// How often a path was asked for.
    pub fn times(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }

    /// Most requests that it had at once.
    pub fn most_at_once(&self) -> usize {
        self.desk.most.load(Ordering::SeqCst)
    }
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let now = desk.now.fetch_add(1, Ordering::SeqCst) + 1;
    desk.most.fetch_max(now, Ordering::SeqCst);
    let before = {
        let mut times = desk.times.lock().expect("no test panics here");
        let times = times.entry(path.clone()).or_default();
        *times += 1;
        *times - 1
    };
    let asked = Asked { path, headers: request.headers().clone(), before };
    let answer = (desk.says)(&asked);
    desk.asked.lock().expect("no test panics here").push(asked);
    tokio::time::sleep(answer.holds).await;
    desk.now.fetch_sub(1, Ordering::SeqCst);
    answer.response()
}
