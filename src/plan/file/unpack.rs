//! Packed lines: from a file's bytes to its lines, in little memory, whatever the bytes are.
//!
//! What lives here: zstd, its limits, the length of lines, how a plan file is recognised. What
//! never does: what a line says.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::PlanFileProblem;

/// Bytes that begin a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// How a plan file's first line begins.
pub(super) const BEGINS: &[u8] = b"{\"header\":{\"format_version\":\"";

/// The largest window that is unpacked, as a power of two: files are written with less, and a
/// larger one would be memory that somebody else decides on.
const WINDOW_LOG_MAX: u32 = 23;

/// The longest first line: files and findings are some thousands at the most.
pub(super) const LONGEST_HEADER: u64 = 32 << 20;

/// Unpacked bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// Whether a file is a plan file, by its content.
pub fn is_plan_file(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return false;
    }
    let mut begins = [0; BEGINS.len()];
    let Ok(mut lines) = Lines::new(Box::new(file)) else { return false };
    lines.unpacked.read_exact(&mut begins).is_ok() && begins == BEGINS
}

/// Lines of packed text.
pub(super) struct Lines {
    unpacked: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    /// Number of the line that was read last, from 1.
    pub number: u64,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Lines {
    /// Of packed bytes, which must begin as zstd does.
    pub fn new(mut packed: Box<dyn Read + Send>) -> Result<Self, PlanFileProblem> {
        let mut magic = [0; MAGIC.len()];
        match packed.read_exact(&mut magic) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(PlanFileProblem::Unreadable(error));
            }
            Ok(()) if magic == MAGIC => {}
            _ => return Err(PlanFileProblem::NotAPlanFile("it is not packed with zstd")),
        }
        let whole: Box<dyn Read + Send> = Box::new((&MAGIC[..]).chain(packed));
        let mut decoder =
            zstd::stream::read::Decoder::new(whole).map_err(PlanFileProblem::Packing)?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(PlanFileProblem::Packing)?;
        let unpacked: Box<dyn Read + Send> = Box::new(decoder);
        let unpacked = BufReader::with_capacity(BLOCK, unpacked);
        Ok(Lines { unpacked, line: Vec::new(), number: 0 })
    }

    /// The next line with its end; `None` after the last. A line that is cut short, or longer
    /// than `longest` bytes, is an error.
    pub fn next(&mut self, longest: u64) -> Result<Option<&[u8]>, PlanFileProblem> {
        self.line.clear();
        let mut room = (&mut self.unpacked).take(longest);
        let read = room.read_until(b'\n', &mut self.line).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => PlanFileProblem::CutShort,
            _ => PlanFileProblem::Packing(error),
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            return Ok(Some(&self.line));
        }
        if read as u64 == longest {
            let what = format!("the line is longer than {longest} bytes");
            return Err(PlanFileProblem::Line(what));
        }
        Err(PlanFileProblem::CutShort)
    }
}
