//! A provider's server on this machine, that behaves as badly as a test asks, and remembers what
//! it was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// The port from which it came: the same for all that come over one connection.
    pub client_port: u16,
}

impl Seen {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Whole,
    /// The connection breaks after the body; so many bytes were promised.
    Cut(usize),
    /// A byte at a time.
    Drip(Duration),
    /// No answer at all.
    Hang,
}

pub fn status(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Vec::new(), way: Way::Whole }
}

pub fn json(body: Json) -> Answer {
    status(200).body(body.to_string()).header("content-type", "application/json")
}

pub fn text(body: impl Into<Vec<u8>>) -> Answer {
    status(200).body(body)
}

pub fn hang() -> Answer {
    Answer { way: Way::Hang, ..status(200) }
}

impl Answer {
    pub fn status(self, status: u16) -> Self {
        Answer { status, ..self }
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Answer { body: body.into(), ..self }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Promises its whole body and breaks off after so many bytes.
    pub fn cut_after(self, bytes: usize) -> Self {
        let promised = self.body.len();
        Answer { body: self.body[..bytes].to_vec(), way: Way::Cut(promised), ..self }
    }

    pub fn drip(self, every: Duration) -> Self {
        Answer { way: Way::Drip(every), ..self }
    }

    async fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match self.way {
            Way::Hang => return std::future::pending().await,
            Way::Whole => Body::from(self.body),
            Way::Cut(promised) => {
                response = response.header("content-length", promised.to_string());
                let pieces = [Ok(Bytes::from(self.body)), Err("broken off")];
                let pieces = stream::unfold(pieces.into_iter(), |mut pieces| async {
                    let piece = pieces.next()?;
                    // What was written reaches the other side before the connection breaks.
                    if piece.is_err() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Some((piece, pieces))
                });
                Body::from_stream(pieces)
            }
            Way::Drip(every) => {
                let pieces = stream::unfold(self.body.into_iter(), move |mut bytes| async move {
                    let byte = bytes.next()?;
                    tokio::time::sleep(every).await;
                    Some((Ok::<_, std::io::Error>(Bytes::from(vec![byte])), bytes))
                });
                Body::from_stream(pieces)
            }
        };
        response.body(body).expect("the test's answer can be written")
    }
}

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

#[derive(Clone)]
struct Desk {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A server that runs until the test ends.
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::default();
        let desk = Desk { script: Arc::new(script), seen: Arc::clone(&seen) };
        let app = Router::new().fallback(answer).with_state(desk);
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Server { port, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    pub fn to(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }
}

async fn answer(
    State(desk): State<Desk>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 30).await.map(|body| body.to_vec()).unwrap_or_default();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body,
        client_port: client.port(),
    };
    let answer = (desk.script)(&seen);
    desk.seen.lock().expect("no test panics with it").push(seen);
    answer.response().await
}

/// A port where whoever connects sends a request, gets these bytes and is hung up on.
pub async fn raw(reply: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 65536];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(reply).await;
            let _ = socket.shutdown().await;
        }
    });
    port
}

/// A port that nobody listens at.
pub async fn nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A port where connections are taken and nothing is said.
pub async fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            open.push(socket);
        }
    });
    port
}
