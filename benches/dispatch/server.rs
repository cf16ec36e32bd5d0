//! The provider: an HTTP/1.1 server that costs as little as it can, so that what is measured is
//! the client. One thread, connections kept alive, replies composed ahead.
//!
//! `POST /jobs` answers an id, `GET /jobs/ID` the state and the clip's URL, `GET /clips/ID` the
//! clip, `GET /stats` what was asked so far.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io::{IoSlice, Write};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::clip;

/// What the server knows.
struct Provider {
    port: u16,
    /// For how long a job is being made.
    delay: Duration,
    clip: Vec<u8>,
    clip_head: Vec<u8>,
    /// When each job was taken; kept only where it matters.
    taken: RefCell<Vec<Instant>>,
    /// How many of them, from the first on, are finished; and how many were not, at the most.
    finished: Cell<usize>,
    most_at_once: Cell<usize>,
    submitted: Cell<u64>,
    polled: Cell<u64>,
    fetched: Cell<u64>,
    connections: Cell<u64>,
    /// Microseconds since 1970 of the first request, and of the first submission.
    first: Cell<u64>,
    first_submission: Cell<u64>,
}

/// Serves for ever; prints its port first.
pub fn serve(port: u16, delay: Duration) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        println!("{port}");
        std::io::stdout().flush()?;
        let clip = clip::without_number()?;
        let provider = Rc::new(Provider {
            port,
            delay,
            clip_head: head("video/mp4", clip.len() + clip::DIGITS),
            clip,
            taken: RefCell::default(),
            finished: Cell::default(),
            most_at_once: Cell::default(),
            submitted: Cell::default(),
            polled: Cell::default(),
            fetched: Cell::default(),
            connections: Cell::default(),
            first: Cell::default(),
            first_submission: Cell::default(),
        });
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            count(&provider.connections);
            let provider = Rc::clone(&provider);
            tokio::task::spawn_local(async move {
                // A client that goes away is not the server's business.
                let _ = provider.converse(stream).await;
            });
        }
    })
}

impl Provider {
    /// Answers requests until the connection ends.
    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut asked = Vec::with_capacity(16 << 10);
        loop {
            let Some(length) = request_length(&asked) else {
                if stream.read_buf(&mut asked).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let line = asked.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            asked.drain(..length);
            self.answer(&line, &mut stream).await?;
        }
    }

    async fn answer(&self, line: &str, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if path != "/stats" && self.first.get() == 0 {
            self.first.set(now());
        }
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        if method == "POST" {
            return stream.write_all(&json(&self.take())).await;
        }
        if let Some(job) = path.strip_prefix("/jobs/") {
            return stream.write_all(&json(&self.state(number(job)))).await;
        }
        if let Some(job) = path.strip_prefix("/clips/") {
            count(&self.fetched);
            return self.send_clip(number(job), stream).await;
        }
        stream.write_all(&json(&self.stats())).await
    }

    fn take(&self) -> String {
        if self.first_submission.get() == 0 {
            self.first_submission.set(now());
        }
        if !self.delay.is_zero() {
            self.keep_time();
        }
        count(&self.submitted);
        format!("{{\"id\":\"{}\"}}", self.submitted.get())
    }

    fn keep_time(&self) {
        let now = Instant::now();
        let mut taken = self.taken.borrow_mut();
        taken.push(now);
        let over = |at: &&Instant| now.duration_since(**at) >= self.delay;
        let finished = self.finished.get();
        let finished = finished + taken.iter().skip(finished).take_while(over).count();
        self.finished.set(finished);
        self.most_at_once.set(self.most_at_once.get().max(taken.len() - finished));
    }

    /// A job that this server never took is one of before it started, and finished.
    fn state(&self, job: u64) -> String {
        count(&self.polled);
        let taken = usize::try_from(job).ok().and_then(|job| job.checked_sub(1));
        let taken = taken.and_then(|at| self.taken.borrow().get(at).copied());
        if taken.is_some_and(|taken| taken.elapsed() < self.delay) {
            return "{\"status\":\"running\"}".to_owned();
        }
        let port = self.port;
        format!("{{\"status\":\"succeeded\",\"url\":\"http://127.0.0.1:{port}/clips/{job}\"}}")
    }

    async fn send_clip(&self, job: u64, stream: &mut TcpStream) -> std::io::Result<()> {
        let number = clip::number(job);
        let mut pieces =
            [IoSlice::new(&self.clip_head), IoSlice::new(&self.clip), IoSlice::new(&number)];
        let mut left = &mut pieces[..];
        while !left.is_empty() {
            let sent = stream.write_vectored(left).await?;
            IoSlice::advance_slices(&mut left, sent);
        }
        Ok(())
    }

    fn stats(&self) -> String {
        format!(
            "{{\"submitted\":{},\"polled\":{},\"fetched\":{},\"connections\":{},\
             \"most_at_once\":{},\"first_us\":{},\"first_submission_us\":{}}}",
            self.submitted.get(),
            self.polled.get(),
            self.fetched.get(),
            self.connections.get(),
            self.most_at_once.get(),
            self.first.get(),
            self.first_submission.get()
        )
    }
}

/// Bytes of the first request, once it is there whole.
fn request_length(asked: &[u8]) -> Option<usize> {
    let head = asked.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = asked[..head]
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok());
    let whole = head + body.unwrap_or(0);
    (asked.len() >= whole).then_some(whole)
}

fn head(kind: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n")
        .into_bytes()
}

fn json(body: &str) -> Vec<u8> {
    let mut reply = head("application/json", body.len());
    reply.extend(body.as_bytes());
    reply
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
