//! Text in whatever encoding it was saved, read as UTF-8, in constant memory.
//!
//! What lives here: which encodings there are by name, how one is told by a file's first bytes,
//! and the reader that turns one into UTF-8. What never does: what the text says.

use std::io::{self, Read};

/// How a file's text is written. Default: UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Default for Encoding {
    fn default() -> Self {
        Encoding::UTF_8
    }
}

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Encoding = Encoding(encoding_rs::UTF_8);
    /// UTF-16, the lower byte first.
    pub const UTF_16LE: Encoding = Encoding(encoding_rs::UTF_16LE);
    /// UTF-16, the higher byte first.
    pub const UTF_16BE: Encoding = Encoding(encoding_rs::UTF_16BE);
    /// What Western spreadsheets save when they are not asked for UTF-8.
    pub const WINDOWS_1252: Encoding = Encoding(encoding_rs::WINDOWS_1252);

    /// By a name of the WHATWG's Encoding Standard (`utf-8`, `latin1`, `shift_jis`), whatever
    /// the case.
    pub fn by_name(name: &str) -> Option<Self> {
        encoding_rs::Encoding::for_label(name.trim().as_bytes()).map(Encoding)
    }

    /// Its name in the standard: `UTF-8`, `windows-1252`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the first bytes of a file say: a byte order mark, or zero bytes where Latin letters
    /// in UTF-16 have them. `None` where they say nothing.
    pub fn by_first_bytes(bytes: &[u8]) -> Option<Self> {
        if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
            return Some(Encoding(encoding));
        }
        // One character alone proves nothing; the first line of a feed has names of columns.
        let head = &bytes[..bytes.len().min(64) & !1];
        if head.len() < 4 {
            return None;
        }
        let zeros = |at: usize| head.iter().skip(at).step_by(2).filter(|b| **b == 0).count();
        let pairs = head.len() / 2;
        match (zeros(0), zeros(1)) {
            (0, odd) if odd * 4 >= pairs * 3 => Some(Encoding::UTF_16LE),
            (even, 0) if even * 4 >= pairs * 3 => Some(Encoding::UTF_16BE),
            _ => None,
        }
    }
}
