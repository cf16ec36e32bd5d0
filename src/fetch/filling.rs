//! A download on its way: in memory as long as it is small, then in a part file beside what names
//! its bytes at the server, so that another try, or another process, can go on with the same ones.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};

use super::sniff;
use crate::digest::Digest;

/// Bytes that are collected before they are written: most pictures are written in one step.
const BUFFER: usize = 1 << 20;

/// Less is not worth a file when a download breaks off for good.
const WORTH_KEEPING: u64 = 64 << 10;

/// What stands beside a part file.
#[derive(Debug, Serialize, Deserialize)]
struct Beside {
    url: String,
    validator: String,
    total: Option<u64>,
}

/// A download on its way. What was not finished is kept when this is dropped, if it can be gone on
/// with.
#[derive(Debug)]
pub(super) struct Filling {
    url: String,
    part: PathBuf,
    beside: PathBuf,
    /// What came and is not in the file.
    pending: Vec<u8>,
    /// Absent before anything was written.
    file: Option<File>,
    /// Bytes of both.
    pub came: u64,
    /// The first of them.
    pub start: Vec<u8>,
    /// Length of the whole, where the server said it.
    pub total: Option<u64>,
    /// What names these bytes at the server.
    pub validator: Option<HeaderValue>,
    finished: bool,
}

impl Filling {
    /// Of a URL, with what an earlier process left of it in `folder`. What can't be gone on with is
    /// begun again.
    pub fn new(url: &str, folder: &Path) -> Self {
        let name = Digest::of(url.as_bytes()).to_string();
        let named = |ending: &str| folder.join(format!("{}.{ending}", &name[..32]));
        let mut filling = Filling {
            url: url.to_owned(),
            part: named("part"),
            beside: named("json"),
            pending: Vec::new(),
            file: None,
            came: 0,
            start: Vec::new(),
            total: None,
            validator: None,
            finished: false,
        };
        if filling.take_up().is_none() {
            filling.file = None;
            filling.forget();
        }
        filling
    }

    /// Takes up what was left.
    fn take_up(&mut self) -> Option<()> {
        let beside: Beside = serde_json::from_slice(&std::fs::read(&self.beside).ok()?).ok()?;
        let validator = HeaderValue::from_str(&beside.validator).ok()?;
        let mut file = OpenOptions::new().read(true).write(true).open(&self.part).ok()?;
        let came = file.metadata().ok()?.len();
        if beside.url != self.url || came == 0 || beside.total.is_some_and(|total| came >= total) {
            return None;
        }
        let mut start = Vec::with_capacity(sniff::NEEDED);
        (&mut file).take(sniff::NEEDED as u64).read_to_end(&mut start).ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
        (self.came, self.start, self.total) = (came, start, beside.total);
        (self.file, self.validator) = (Some(file), Some(validator));
        Some(())
    }

    /// Takes what came. A megabyte at a time goes to the file, which the page cache takes at once,
    /// so that no other thread is needed for it.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.came += bytes.len() as u64;
        let missing = sniff::NEEDED.saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= BUFFER { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                // What names the bytes comes first: a part that nothing names is of no use.
                if let Some(validator) = self.validator.as_ref().and_then(|v| v.to_str().ok()) {
                    let (url, validator) = (self.url.clone(), validator.to_owned());
                    let beside = Beside { url, validator, total: self.total };
                    let text = serde_json::to_vec(&beside).map_err(std::io::Error::other)?;
                    std::fs::write(&self.beside, text)?;
                }
                none.insert(File::create(&self.part)?)
            }
        };
        file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Begins again; nothing of what came is kept.
    pub fn restart(&mut self) {
        self.file = None;
        self.pending.clear();
        self.start.clear();
        (self.came, self.total, self.validator) = (0, None, None);
        self.finished = false;
        self.forget();
    }

    /// Removes what is in the folder.
    fn forget(&self) {
        // Whether it was there or not, it is not used any more: it is written anew.
        let _ = std::fs::remove_file(&self.part);
        let _ = std::fs::remove_file(&self.beside);
    }

    /// The whole as a file, which is the caller's from now on.
    pub fn finish(&mut self) -> std::io::Result<PathBuf> {
        self.write_out()?;
        self.file = None;
        self.finished = true;
        let _ = std::fs::remove_file(&self.beside);
        Ok(self.part.clone())
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let of_use = self.validator.is_some() && self.came >= WORTH_KEEPING;
        // What can't be kept comes again.
        let kept = self.finished || of_use && self.write_out().is_ok();
        if !kept {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(filling: &mut Filling) {
        filling.validator = Some(HeaderValue::from_static("\"v1\""));
        filling.total = Some(300_000);
    }

    #[test]
    fn what_broke_off_is_gone_on_with_by_another_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = "https://cdn.example.com/a.jpg";
        let mut first = Filling::new(url, folder.path());
        named(&mut first);
        first.write(&[7; 200_000]).expect("it is written");
        drop(first);
        let mut second = Filling::new(url, folder.path());
        assert_eq!((second.came, second.total), (200_000, Some(300_000)));
        assert_eq!(second.start, vec![7; sniff::NEEDED]);
        second.write(&[8; 100_000]).expect("it is written");
        let file = second.finish().expect("a file");
        drop(second);
        let bytes = std::fs::read(file).expect("the whole");
        assert_eq!(bytes, [vec![7; 200_000], vec![8; 100_000]].concat());
    }

    #[test]
    fn what_nothing_names_or_is_too_little_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        for (bytes, is_named) in [(200_000, false), (100, true)] {
            let mut filling = Filling::new("https://a.example/x", folder.path());
            if is_named {
                named(&mut filling);
            }
            filling.write(&vec![1; bytes]).expect("it is written");
            drop(filling);
            assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        }
    }

    #[test]
    fn a_part_that_is_longer_than_the_whole_is_begun_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut filling = Filling::new("https://a.example/x", folder.path());
        named(&mut filling);
        filling.write(&vec![1; 300_000]).expect("it is written");
        drop(filling);
        assert_eq!(Filling::new("https://a.example/x", folder.path()).came, 0);
    }
}
