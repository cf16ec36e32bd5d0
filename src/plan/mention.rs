//! Mentions: where a prompt calls a picture, `@hero`, `@mia.face` or `@Image 1`.
//!
//! What lives here: finding them in a text. `@@` is a plain `@`, and an `@` after a letter or
//! digit is an e-mail address, no mention. What never does: which pictures they mean.

/// A piece of a prompt. The pieces of a text, in order, are the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it is.
    Text(&'a str),
    /// `@@`, which stands for one `@`.
    Escape,
    /// A mention.
    Call(Call<'a>),
}

/// A mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// As written, with its `@`.
    pub source: &'a str,
    /// Without the `@`.
    pub name: &'a str,
    /// The position, for `@Image 1` and `@image1`. A picture of that very name comes first.
    pub position: Option<usize>,
}

/// Cuts a text into pieces.
pub fn pieces(text: &str) -> Pieces<'_> {
    Pieces { rest: text, after_word: false }
}

/// The pieces of a text.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    rest: &'a str,
    /// Whether the character before `rest` belongs to a word.
    after_word: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((piece, length)) = special(self.rest, self.after_word) {
            self.rest = &self.rest[length..];
            self.after_word = matches!(piece, Piece::Call(_));
            return Some(piece);
        }
        // Text up to the next `@` that begins something.
        let mut from = self.rest.chars().next().map_or(0, char::len_utf8);
        let end = loop {
            let Some(at) = self.rest[from..].find('@').map(|i| from + i) else {
                break self.rest.len();
            };
            let after_word = self.rest[..at].chars().next_back().is_some_and(belongs_to_word);
            if special(&self.rest[at..], after_word).is_some() {
                break at;
            }
            from = at + 1;
        };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.after_word = text.chars().next_back().is_some_and(belongs_to_word);
        Some(Piece::Text(text))
    }
}

/// Characters that an e-mail address may have before its `@`.
fn belongs_to_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '%')
}

/// The escape or mention at the start of `text`, with its length.
fn special(text: &str, after_word: bool) -> Option<(Piece<'_>, usize)> {
    let rest = text.strip_prefix('@')?;
    if rest.starts_with('@') {
        return Some((Piece::Escape, 2));
    }
    if after_word {
        return None;
    }
    let name = &rest[..name_length(rest)?];
    let (name, position) = positional(rest, name);
    let source = &text[..1 + name.len()];
    Some((Piece::Call(Call { source, name, position }), source.len()))
}

/// Letters, digits, `_` and `-`, in parts joined by single dots. A dot, dash or underscore at
/// the end belongs to the sentence.
fn name_length(text: &str) -> Option<usize> {
    let mut end = 0;
    let mut before = None;
    for (i, c) in text.char_indices() {
        match c {
            c if c.is_alphanumeric() => end = i + c.len_utf8(),
            '_' | '-' if i > 0 && before != Some('.') => {}
            '_' if i == 0 => {}
            '.' if i > 0 && before.is_some_and(char::is_alphanumeric) => {}
            _ => break,
        }
        before = Some(c);
    }
    (end > 0).then_some(end)
}

/// `Image 1` and `image1`: the name with its number, and the number.
fn positional<'a>(rest: &'a str, name: &'a str) -> (&'a str, Option<usize>) {
    const WORD: &str = "image";
    let starts = name.get(..WORD.len()).is_some_and(|n| n.eq_ignore_ascii_case(WORD));
    if !starts {
        return (name, None);
    }
    let whole = if name.len() == WORD.len() {
        let number = rest[name.len()..].strip_prefix(' ').unwrap_or("");
        let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 { name } else { &rest[..name.len() + 1 + digits] }
    } else {
        name
    };
    let number = whole[WORD.len()..].trim_start();
    let position = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok());
    (whole, position.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn called(text: &str) -> Vec<&str> {
        pieces(text)
            .filter_map(|p| match p {
                Piece::Call(call) => Some(call.name),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn names_end_where_the_sentence_goes_on() {
        assert_eq!(called("@hero turns"), ["hero"]);
        assert_eq!(
            called("(@hero), @detail-1. @mia.face's smile"),
            ["hero", "detail-1", "mia.face"]
        );
        assert_eq!(called("look at @hero..."), ["hero"]);
        assert_eq!(called("@hero- and @tür"), ["hero", "tür"]);
    }

    #[test]
    fn an_email_address_is_no_mention() {
        assert_eq!(called("write to shop@example.com or x.y@z"), Vec::<&str>::new());
    }

    #[test]
    fn two_ats_are_one_plain_at() {
        let all: Vec<_> = pieces("@@hero and @ alone").collect();
        assert_eq!(all, [Piece::Escape, Piece::Text("hero and @ alone")]);
    }

    #[test]
    fn positions_are_written_with_or_without_a_space() {
        let of = |text| match pieces(text).next() {
            Some(Piece::Call(call)) => (call.source, call.position),
            _ => ("", None),
        };
        assert_eq!(of("@Image 12 turns"), ("@Image 12", Some(12)));
        assert_eq!(of("@image1"), ("@image1", Some(1)));
        assert_eq!(of("@image-front"), ("@image-front", None));
        assert_eq!(of("@image of it"), ("@image", None));
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_text_are_the_text(text in "[@a-zé ._\\-1Image]{0,40}|\\PC{0,40}") {
            let again: String = pieces(&text).map(|p| match p {
                Piece::Text(text) => text,
                Piece::Escape => "@@",
                Piece::Call(call) => call.source,
            }).collect();
            prop_assert_eq!(again, text);
        }

        #[test]
        fn a_written_name_is_read_back(name in "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?(\\.[a-z0-9]{1,6})?") {
            let text = format!("see @{name}, please");
            prop_assert_eq!(called(&text), vec![name.as_str()]);
        }
    }
}
