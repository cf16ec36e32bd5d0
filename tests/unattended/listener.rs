//! A webhook's other end, on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What one request brought.
#[derive(Debug, Clone)]
pub struct Posted {
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

impl Posted {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a notification is JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let value = |header: &'_ String| -> Option<usize> {
            let (found, _) = header.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(found.len() + 1)
        };
        self.headers.iter().find_map(|header| Some(header[value(header)?..].trim()))
    }
}

/// Listens until the test ends. Answers come in their order, the last again and again.
pub struct Listener {
    pub url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Listener {
    /// One that takes everything.
    pub fn new() -> Self {
        Self::answering(&["204 No Content\r\n"])
    }

    /// One that answers so: a status, and headers after it; empty: it never answers.
    pub fn answering(answers: &[&str]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook?token=canary-5d1e", socket.local_addr().expect("bound"));
        let posted = Arc::new(Mutex::new(Vec::new()));
        let (for_thread, answers) = (Arc::clone(&posted), answers.to_vec());
        let answers: Vec<String> = answers.into_iter().map(str::to_owned).collect();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for (at, stream) in socket.incoming().enumerate() {
                let answer = &answers[at.min(answers.len() - 1)];
                let mut stream = stream.expect("a connection");
                let request = read(&mut stream);
                for_thread.lock().expect("no test panics here").push(request);
                if answer.is_empty() {
                    kept.push(stream);
                    continue;
                }
                let head =
                    format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
                // Whoever asked may be gone.
                let _ = stream.write_all(head.as_bytes());
            }
        });
        Listener { url, posted }
    }

    /// All that came so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("no test panics here").clone()
    }

    /// The one notification that came.
    pub fn only(&self) -> Value {
        let posted = self.posted();
        assert_eq!(posted.len(), 1, "{posted:?}");
        posted[0].json()
    }
}

fn read(stream: &mut TcpStream) -> Posted {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request");
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let line = lines.remove(0);
    let mut posted = Posted { line, headers: lines, body: String::new() };
    let length = posted.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    posted.body = String::from_utf8(body).expect("text");
    posted
}
