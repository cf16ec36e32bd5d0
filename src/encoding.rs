//! Text in whatever encoding it was saved, read as UTF-8, in constant memory.
//!
//! What lives here: which encodings there are by name, how one is told by a file's first bytes,
//! and the reader that turns one into UTF-8. What never does: what the text says.

use std::io::{self, Read};

use crate::digest::Digest;

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
        encoding_rs::Encoding::for_label_no_replacement(name.trim().as_bytes()).map(Encoding)
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
        let mostly = |some: usize, none: usize| some * 4 >= pairs * 3 && none * 8 <= pairs;
        match (zeros(0), zeros(1)) {
            (even, odd) if mostly(odd, even) => Some(Encoding::UTF_16LE),
            (even, odd) if mostly(even, odd) => Some(Encoding::UTF_16BE),
            _ => None,
        }
    }
}

/// Bytes that are read at once, unless told otherwise. What is believed of a file without a byte order mark hangs on
/// where its bytes are parted, so this is the same for everybody.
pub(crate) const READ_BYTES: usize = 512 * 1024;

/// A byte that no UTF-8 has: it stands for what its encoding doesn't know, so that whoever reads
/// the text finds it where it is.
const DAMAGE: u8 = 0xFF;

/// Reads a file as UTF-8, without a byte order mark.
pub struct Decoded<R> {
    reader: R,
    state: State,
    hasher: blake3::Hasher,
    /// What was read and is still to be decoded.
    raw: Vec<u8>,
    begun: bool,
    ended: bool,
    read_bytes: usize,
}

enum State {
    /// UTF-8 until the first letter beyond ASCII tells.
    Open,
    /// UTF-8, passed on as it is, slips included.
    Utf8,
    Other(Encoding, Box<encoding_rs::Decoder>),
}

impl<R: Read> Decoded<R> {
    /// Of the encoding that is told. Where none is, it is UTF-8 or UTF-16 by the first bytes, else
    /// UTF-8 or Windows-1252 by the first letters beyond ASCII: whichever more of them are.
    pub fn new(reader: R, told: Option<Encoding>) -> Self {
        let state = told.map_or(State::Open, State::of);
        let (hasher, raw) = (blake3::Hasher::new(), Vec::new());
        let read_bytes = READ_BYTES;
        Decoded { reader, state, hasher, raw, begun: false, ended: false, read_bytes }
    }

    /// Reads so many bytes at once.
    #[must_use]
    pub(crate) fn in_reads_of(mut self, bytes: usize) -> Self {
        self.read_bytes = bytes;
        self
    }

    /// What it is, as far as is known.
    pub fn encoding(&self) -> Encoding {
        match &self.state {
            State::Open | State::Utf8 => Encoding::UTF_8,
            State::Other(encoding, _) => *encoding,
        }
    }

    /// Digest of the bytes that were read, as they are in the file.
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    /// Adds the next text to `out`; false at the end of the file. The text is UTF-8 but for what
    /// is no text in the file's encoding.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if let State::Other(..) = self.state {
            self.raw.clear();
            let n = (&mut self.reader).take(self.read_bytes as u64).read_to_end(&mut self.raw)?;
            self.hasher.update(&self.raw);
            self.ended = n == 0;
            self.decode(out);
            return Ok(true);
        }
        let before = out.len();
        out.append(&mut self.raw);
        let read = out.len();
        let n = (&mut self.reader).take(self.read_bytes as u64).read_to_end(out)?;
        self.hasher.update(&out[read..]);
        self.ended = n == 0;
        if !self.begun {
            self.begun = true;
            self.begin(out, before);
        }
        if matches!(self.state, State::Open) {
            self.decide(out, before);
        }
        if let State::Other(..) = self.state {
            self.raw = out.split_off(before);
            self.decode(out);
        }
        Ok(true)
    }

    fn begin(&mut self, out: &mut Vec<u8>, before: usize) {
        let open = matches!(self.state, State::Open);
        if let Some(found) = Encoding::by_first_bytes(&out[before..]).filter(|_| open) {
            self.state = State::of(found);
        }
        let utf8 = matches!(self.state, State::Open | State::Utf8);
        if utf8 && out[before..].starts_with(b"\xEF\xBB\xBF") {
            out.drain(before..before + 3);
        }
    }

    fn decide(&mut self, out: &mut Vec<u8>, before: usize) {
        if out[before..].is_ascii() {
            return;
        }
        let seen = letters_and_slips(&out[before..]);
        let cut_off = if self.ended { seen.cut_off.min(1) } else { 0 };
        let (letters, slips) = (seen.letters, seen.slips + cut_off);
        if letters > 0 && letters >= slips {
            self.state = State::Utf8;
        } else if slips > 0 {
            self.state = State::of(Encoding::WINDOWS_1252);
        } else {
            // Half a letter is all there is; what it belongs to is read first.
            self.raw = out.split_off(out.len() - seen.cut_off);
        }
    }

    fn decode(&mut self, out: &mut Vec<u8>) {
        let last = self.ended;
        let State::Other(_, decoder) = &mut self.state else { return };
        let mut from = 0;
        loop {
            let most = decoder.max_utf8_buffer_length_without_replacement(self.raw.len() - from);
            let end = out.len();
            // Where a length overflows there is no such buffer to be read in the first place.
            out.resize(end + most.unwrap_or(READ_BYTES).max(16), 0);
            let raw = &self.raw[from..];
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(raw, &mut out[end..], last);
            out.truncate(end + written);
            from += read;
            match result {
                encoding_rs::DecoderResult::InputEmpty => return,
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(..) => out.push(DAMAGE),
            }
        }
    }
}

impl State {
    fn of(encoding: Encoding) -> Self {
        if encoding == Encoding::UTF_8 {
            return State::Utf8;
        }
        State::Other(encoding, Box::new(encoding.0.new_decoder_with_bom_removal()))
    }
}

/// What of some bytes is UTF-8.
struct Seen {
    /// Letters beyond ASCII.
    letters: usize,
    /// Bytes or beginnings of letters that are none.
    slips: usize,
    /// Bytes at the end that may be the beginning of a letter.
    cut_off: usize,
}

fn letters_and_slips(bytes: &[u8]) -> Seen {
    let mut seen = Seen { letters: 0, slips: 0, cut_off: 0 };
    let mut rest = bytes;
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, after) = rest.split_at(error.valid_up_to());
        seen.letters += valid.iter().filter(|b| **b >= 0xC0).count();
        let Some(length) = error.error_len() else {
            seen.cut_off = after.len();
            return seen;
        };
        seen.slips += 1;
        rest = &after[length..];
    }
    seen.letters += rest.iter().filter(|b| **b >= 0xC0).count();
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], told: Option<Encoding>) -> (String, Encoding) {
        let mut decoded = Decoded::new(bytes, told);
        let mut out = Vec::new();
        while decoded.fill(&mut out).expect("memory") {}
        assert_eq!(decoded.digest(), Digest::of(bytes), "the digest is of the file");
        let encoding = decoded.encoding();
        (String::from_utf8(out).expect("only text comes out"), encoding)
    }

    fn utf16(text: &str, swap: bool) -> Vec<u8> {
        let unit = |u: u16| if swap { u.to_be_bytes() } else { u.to_le_bytes() };
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn text_is_the_same_in_every_encoding() {
        let text = "sku,title\nmug,Größe 5 €\n";
        assert_eq!(read(text.as_bytes(), None), (text.to_owned(), Encoding::UTF_8));
        let with_bom = format!("\u{feff}{text}");
        assert_eq!(read(with_bom.as_bytes(), None), (text.to_owned(), Encoding::UTF_8));
        for (swap, encoding) in [(false, Encoding::UTF_16LE), (true, Encoding::UTF_16BE)] {
            assert_eq!(read(&utf16(text, swap), None), (text.to_owned(), encoding));
            assert_eq!(read(&utf16(&with_bom, swap), None), (text.to_owned(), encoding));
        }
        let western = b"sku,title\nmug,Gr\xf6\xdfe 5 \x80\n";
        assert_eq!(read(western, None), (text.to_owned(), Encoding::WINDOWS_1252));
        assert_eq!(
            read(western, Encoding::by_name("latin1")),
            (text.to_owned(), Encoding::WINDOWS_1252)
        );
    }

    #[test]
    fn a_letter_beyond_the_first_read_decides_as_well() {
        let mut bytes = vec![b'a'; READ_BYTES + 10];
        bytes.push(0xE9);
        let (text, encoding) = read(&bytes, None);
        assert!(text.ends_with("aé"));
        assert_eq!(encoding, Encoding::WINDOWS_1252);
    }

    #[test]
    fn a_letter_over_the_edge_of_two_reads_stays_whole() {
        for before in READ_BYTES - 3..READ_BYTES + 1 {
            let text = format!("{}€ and ä", "a".repeat(before));
            assert_eq!(read(text.as_bytes(), None), (text, Encoding::UTF_8));
        }
    }

    #[test]
    fn one_slip_among_letters_leaves_it_utf8() {
        let mut decoded = Decoded::new(&b"Gr\xc3\xb6\xc3\x9fe, Gr\xfcn"[..], None);
        let mut out = Vec::new();
        while decoded.fill(&mut out).expect("memory") {}
        assert_eq!(decoded.encoding(), Encoding::UTF_8);
        assert!(out.contains(&0xFC), "the slip stays for whoever can say where it is");
    }

    #[test]
    fn half_a_letter_of_utf16_is_left_as_damage() {
        let mut bytes = utf16("sku,title\n", false);
        bytes.extend_from_slice(&[0x00, 0xD8, b'x', 0]);
        let mut decoded = Decoded::new(&bytes[..], None);
        let mut out = Vec::new();
        while decoded.fill(&mut out).expect("memory") {}
        assert_eq!(out, b"sku,title\n\xffx");
    }
}
