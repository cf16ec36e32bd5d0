//! Fetching a clip: found, downloaded, gone on with where it broke, and looked at.

use std::fs::{File, OpenOptions};
use std::io::{Error, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, HeaderName, HeaderValue, IF_RANGE, RANGE};

use super::client::Trouble;
use super::driver::Driver;
use super::sniff;
use super::watch::{Seen, Source};
use crate::net::{content_range, validator, words};
use crate::plan::Request;
use crate::protocol::HttpCall;
use crate::providers::{Fetched, RemoteId};

/// How many fetches must end with 404 before a clip counts as gone; the run waits between them.
const DENIALS: u32 = 3;

/// A download may be as many times slower than a body that leaves.
const SLOWEST_OF_SLOW: u64 = 10;

/// Bytes that are collected before they are written: most clips are written in one step, because a
/// change of threads costs more than the writing.
const BUFFER: usize = 1 << 20;

/// Why a download has no clip.
enum Stopped {
    /// It broke off; going on may help.
    Broken(String),
    /// It is refused: 403, 404 or 410.
    Denied(u16, String),
    /// It came, and is not what was asked for, or can't be written.
    Useless(String),
}

/// A file that is being filled.
struct Filling {
    /// Absent while a thread for files has it, and for good after one panicked.
    file: Option<File>,
    /// Pieces that came and are not written yet, and their length.
    pending: Vec<Bytes>,
    waiting: usize,
    /// Bytes in it, with those.
    written: u64,
    /// Its first bytes.
    start: Vec<u8>,
    /// Length of the whole, where the server said it.
    total: Option<u64>,
    /// What names these bytes at the server, so that it can go on with the same ones.
    validator: Option<HeaderValue>,
}

impl Driver {
    /// Writes a finished clip to a file that does not exist yet.
    pub async fn fetch(&self, id: &RemoteId, request: &Request, to: &Path) -> Fetched {
        let interrupted =
            |message: &str| Fetched::Interrupted { message: self.mask.clean(message) };
        let file = OpenOptions::new().write(true).create_new(true).open(to);
        let mut filling = match file {
            Ok(file) => Filling::new(file),
            Err(e) => return interrupted(&format!("the clip's file can't be made: {e}")),
        };
        let mut denied_before = false;
        let mut source = match self.outputs.get(&id.id) {
            Some(source) => source,
            None => match self.find(id, request).await {
                Ok(source) => source,
                Err(fetched) => return fetched,
            },
        };
        loop {
            match self.download(&source, &mut filling).await {
                Ok(()) => {
                    self.outputs.forget(&id.id);
                    return Fetched::Complete;
                }
                Err(Stopped::Denied(..)) if !denied_before => {
                    // A new poll gives a new URL, or says that the clip is gone. Even a URL
                    // that is fresh may answer only a moment later.
                    denied_before = true;
                    tokio::time::sleep(self.client.limits().resume_pause).await;
                    self.outputs.forget(&id.id);
                    source = match self.find(id, request).await {
                        Ok(source) => source,
                        Err(fetched) => return fetched,
                    };
                    if let Err(e) = filling.restart().await {
                        return interrupted(&unwritable(&e));
                    }
                }
                // A copy that lags behind answers 404 for a while; only what stays away is gone.
                Err(Stopped::Denied(status @ (404 | 410), message))
                    if status == 410 || self.outputs.denied(&id.id) >= DENIALS =>
                {
                    return Fetched::Gone { message: self.mask.clean(&message) };
                }
                Err(Stopped::Denied(_, message)) => {
                    self.outputs.forget(&id.id);
                    return Fetched::Denied { message: self.mask.clean(&message) };
                }
                Err(Stopped::Broken(m) | Stopped::Useless(m)) => {
                    // The next try asks anew where it is.
                    self.outputs.forget(&id.id);
                    return interrupted(&m);
                }
            }
        }
    }

    /// Where the clip is, by a new poll. It was ready before, so a job that has failed, was
    /// cancelled or is not known any more has no clip, and never will.
    async fn find(&self, id: &RemoteId, request: &Request) -> Result<Source, Fetched> {
        let message = match self.look(id, request).await {
            Seen::Ready(ready) => return Ok(ready.source),
            Seen::Failed(failure) => return Err(Fetched::Gone { message: failure.message }),
            Seen::Running { .. } => "it is not finished any more".to_owned(),
            Seen::NoAnswer(message) => message,
        };
        let message = self.mask.clean(&format!("where the clip is could not be asked: {message}"));
        Err(Fetched::Interrupted { message })
    }

    async fn download(&self, source: &Source, filling: &mut Filling) -> Result<(), Stopped> {
        match source {
            Source::Data(url) => self.decode(url, filling).await?,
            Source::Call(call) => {
                let limits = self.client.limits();
                let mut pause = limits.resume_pause;
                let mut resumes = 0;
                while let Err(stopped) = self.receive(call, filling).await {
                    if resumes == limits.resumes || !matches!(stopped, Stopped::Broken(_)) {
                        return Err(stopped);
                    }
                    resumes += 1;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(30));
                }
            }
        }
        sniff::video(&filling.start)
            .map_err(|what| Stopped::Useless(format!("the clip's URL gave {what}, not a video")))?;
        filling.sync().await.map_err(|e| Stopped::Useless(unwritable(&e)))
    }

    async fn decode(&self, url: &str, filling: &mut Filling) -> Result<(), Stopped> {
        let useless = |why: &str| Stopped::Useless(format!("the clip's data URL {why}"));
        let (kind, text) = url.split_once(',').ok_or_else(|| useless("has no data"))?;
        if !kind.ends_with(";base64") {
            return Err(useless("is not in base64"));
        }
        let bytes = BASE64.decode(text.trim().as_bytes());
        let bytes = bytes.map_err(|e| useless(&format!("is damaged ({e})")))?;
        filling.write(bytes.into()).await.map_err(|e| Stopped::Useless(unwritable(&e)))
    }

    /// Takes the download, or its rest, into the file.
    async fn receive(&self, call: &HttpCall, filling: &mut Filling) -> Result<(), Stopped> {
        let limits = self.client.limits();
        let failed = |e: std::io::Error| Stopped::Useless(unwritable(&e));
        let also = filling.go_on().await.map_err(failed)?;
        let opened = self.client.open(call, &also).await;
        let mut response = opened.map_err(|trouble| match trouble {
            Trouble::Forbidden(message) => Stopped::Useless(message),
            Trouble::Unreachable(message) | Trouble::NoReply(message) => Stopped::Broken(message),
        })?;
        if !filling.accept(&response).await? {
            filling.restart().await.map_err(failed)?;
            return Err(Stopped::Broken("the server could not go on where it broke".to_owned()));
        }
        let (began, had) = (tokio::time::Instant::now(), filling.written);
        loop {
            // Slower than this, a few downloads would hold up all others.
            let needed = limits.slowest / SLOWEST_OF_SLOW * began.elapsed().as_secs();
            if began.elapsed() > limits.idle && filling.written - had < needed {
                return Err(Stopped::Broken("it came too slowly".to_owned()));
            }
            let piece = match tokio::time::timeout(limits.idle, response.chunk()).await {
                Ok(Ok(piece)) => piece,
                Ok(Err(error)) => return Err(Stopped::Broken(words(error))),
                Err(_) => {
                    let message = format!("no byte came for {} s", limits.idle.as_secs_f64());
                    return Err(Stopped::Broken(message));
                }
            };
            let Some(piece) = piece else { break };
            if filling.written + piece.len() as u64 > limits.clip_bytes {
                let message = format!("the clip is longer than {} bytes", limits.clip_bytes);
                return Err(Stopped::Useless(message));
            }
            filling.write(piece).await.map_err(failed)?;
            // What is no video is not downloaded to its end.
            if filling.start.len() >= sniff::NEEDED {
                sniff::video(&filling.start).map_err(|what| {
                    Stopped::Useless(format!("the clip's URL gave {what}, not a video"))
                })?;
            }
        }
        match filling.total {
            Some(total) if total != filling.written => {
                let message = format!("{} of {total} bytes came", filling.written);
                Err(Stopped::Broken(message))
            }
            _ => Ok(()),
        }
    }
}

impl Filling {
    fn new(file: File) -> Self {
        Filling {
            file: Some(file),
            pending: Vec::new(),
            waiting: 0,
            written: 0,
            start: Vec::new(),
            total: None,
            validator: None,
        }
    }

    async fn write(&mut self, bytes: Bytes) -> std::io::Result<()> {
        self.written += bytes.len() as u64;
        let missing = sniff::NEEDED.saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        self.waiting += bytes.len();
        self.pending.push(bytes);
        if self.waiting < BUFFER {
            return Ok(());
        }
        self.write_out(|_| Ok(())).await
    }

    async fn restart(&mut self) -> std::io::Result<()> {
        self.pending.clear();
        self.written = 0;
        self.start.clear();
        self.total = None;
        self.validator = None;
        self.write_out(|mut file| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0)).map(drop)
        })
        .await
    }

    async fn sync(&mut self) -> std::io::Result<()> {
        self.write_out(File::sync_all).await
    }

    /// Writes what came, and then does something more with the file, off the async threads.
    async fn write_out(
        &mut self,
        then: impl FnOnce(&File) -> std::io::Result<()> + Send + 'static,
    ) -> std::io::Result<()> {
        let lost = || Error::other("writing it broke down before");
        let mut file = self.file.take().ok_or_else(lost)?;
        let pending = std::mem::take(&mut self.pending);
        self.waiting = 0;
        let work = move || {
            let written = pending.iter().try_for_each(|piece| file.write_all(piece));
            let done = written.and_then(|()| then(&file));
            (file, done)
        };
        let (file, done) = tokio::task::spawn_blocking(work).await.map_err(Error::other)?;
        self.file = Some(file);
        done
    }

    /// The headers of the next request: the rest alone, if it is still of the same bytes. Bytes
    /// that nothing names are asked for from their beginning.
    async fn go_on(&mut self) -> std::io::Result<Vec<(HeaderName, HeaderValue)>> {
        let mut headers = vec![(ACCEPT_ENCODING, HeaderValue::from_static("identity"))];
        if self.written == 0 {
            return Ok(headers);
        }
        let range = HeaderValue::from_str(&format!("bytes={}-", self.written));
        match (self.validator.clone(), range) {
            (Some(validator), Ok(range)) => {
                headers.push((RANGE, range));
                headers.push((IF_RANGE, validator));
            }
            _ => self.restart().await?,
        }
        Ok(headers)
    }

    /// Whether the response goes on where the file ends; false when it must be begun again.
    async fn accept(&mut self, response: &reqwest::Response) -> Result<bool, Stopped> {
        let status = response.status().as_u16();
        match status {
            206 if self.written > 0 => {
                let range = response.headers().get(CONTENT_RANGE).and_then(|v| v.to_str().ok());
                let (start, total) = range.and_then(content_range).unwrap_or((0, None));
                let same = match (self.total, total) {
                    (Some(known), Some(total)) => known == total,
                    _ => true,
                };
                self.total = self.total.or(total);
                Ok(start == self.written && same)
            }
            200 => {
                if self.written > 0 {
                    let restarted = self.restart().await;
                    restarted.map_err(|e| Stopped::Useless(unwritable(&e)))?;
                }
                self.total = response.content_length();
                self.validator = validator(response.headers());
                Ok(true)
            }
            416 if self.written > 0 => Ok(false),
            403 | 404 | 410 => {
                Err(Stopped::Denied(status, format!("the clip's URL answers {status}")))
            }
            408 | 425 | 429 | 500..=599 => {
                Err(Stopped::Broken(format!("the clip's URL answers {status}")))
            }
            _ => Err(Stopped::Useless(format!("the clip's URL answers {status}"))),
        }
    }
}

fn unwritable(error: &std::io::Error) -> String {
    format!("the clip can't be written: {error}")
}
