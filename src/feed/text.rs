//! A feed's file as text that can be read more than once.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::FeedProblem;
use crate::digest::Digest;
use crate::encoding::{Decoded, Encoding, READ_BYTES};
use crate::limits::Limits;

/// A file, how it is written, and what was last read of it.
pub(super) struct TextFile {
    path: PathBuf,
    told: Option<Encoding>,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// What is known of a file that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Of its bytes as they are on disk.
    pub digest: Digest,
    /// How it is written.
    pub encoding: Encoding,
}

impl TextFile {
    /// A file that is written as told, or as its bytes tell.
    pub fn new(path: &Path, told: Option<Encoding>) -> Self {
        TextFile { path: path.to_owned(), told, seen: Arc::default() }
    }

    /// The text from its beginning.
    pub fn open(&mut self, limits: &Limits) -> Result<Text, FeedProblem> {
        let file = File::open(&self.path).map_err(|e| FeedProblem::unreadable(&e))?;
        let bytes = file.metadata().map_err(|e| FeedProblem::unreadable(&e))?.len();
        if bytes > limits.feed_bytes {
            let message = format!("the feed has more than {} bytes", limits.feed_bytes);
            return Err(
                FeedProblem::new("feed::limit", message).help(Limits::how_to_raise("feed_bytes"))
            );
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let seen = Arc::clone(&self.seen);
        Ok(Text { decoded: Decoded::new(file, self.told), ready: Vec::new(), given: 0, seen })
    }

    /// What is known since the text that was opened last was read to its end.
    pub fn seen(&self) -> Option<Seen> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes of the file, at most `most`.
    pub fn head(&self, most: u64) -> Result<Vec<u8>, FeedProblem> {
        let mut bytes = Vec::new();
        let file = File::open(&self.path);
        file.and_then(|file| file.take(most).read_to_end(&mut bytes))
            .map_err(|e| FeedProblem::unreadable(&e))?;
        Ok(bytes)
    }

    /// Whether its bytes are UTF-8 with letters beyond ASCII, which no other encoding's are by
    /// chance. Reads it until it is not.
    pub fn is_utf8_beyond_ascii(&self) -> Result<bool, FeedProblem> {
        let unreadable = |error| FeedProblem::unreadable(&error);
        let mut file = File::open(&self.path).map_err(unreadable)?;
        let (mut bytes, mut beyond) = (Vec::new(), false);
        loop {
            let read = (&mut file).take(READ_BYTES as u64).read_to_end(&mut bytes);
            let ended = read.map_err(unreadable)? == 0;
            let sound = match std::str::from_utf8(&bytes) {
                Ok(text) => text.len(),
                // Half a letter: what it belongs to is read next.
                Err(error) if error.error_len().is_none() && !ended => error.valid_up_to(),
                Err(_) => return Ok(false),
            };
            beyond |= !bytes[..sound].is_ascii();
            if ended {
                return Ok(beyond);
            }
            bytes.drain(..sound);
        }
    }

    /// Says how it is written, where nobody said so.
    pub fn tell(&mut self, encoding: Encoding) {
        self.told.get_or_insert(encoding);
    }

    /// Whether somebody said how it is written.
    pub fn is_told(&self) -> bool {
        self.told.is_some()
    }
}

/// Text that is being read, as UTF-8.
pub(super) struct Text {
    decoded: Decoded<File>,
    ready: Vec<u8>,
    given: usize,
    seen: Arc<Mutex<Option<Seen>>>,
}

impl BufRead for Text {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            if !self.decoded.fill(&mut self.ready)? {
                let (digest, encoding) = (self.decoded.digest(), self.decoded.encoding());
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                *seen = Some(Seen { digest, encoding });
                break;
            }
        }
        Ok(&self.ready[self.given..])
    }

    fn consume(&mut self, amount: usize) {
        self.given = (self.given + amount).min(self.ready.len());
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(into.len());
        into[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}
