//! Prompts as sent: mentions written as the model wants them, whitespace made plain.
//!
//! What lives here: turning a filled-in template and what its mentions mean into the final text.
//! What never does: filling in templates, routes.

use super::matching::{Candidate, Owner};
use super::mention::{Call, Piece, pieces};
use crate::models::Mention;

/// What the mentions of one prompt mean.
pub(super) struct Meaning<'a> {
    /// Each mention in the order of the text, with the candidates that it means.
    pub calls: Vec<(Call<'a>, Vec<usize>)>,
    /// Whether each candidate is mentioned.
    pub mentioned: Vec<bool>,
}

/// How a sent picture is called: its position from 1 among those that are sent.
pub(super) struct Calling<'a, 'c> {
    pub all: &'a [Candidate<'c>],
    pub sent: &'a [usize],
    pub syntax: Option<&'a Mention>,
    /// How the subject of an owner is called in plain words.
    pub noun: &'a dyn Fn(Owner) -> String,
}

/// Writes a prompt's final text.
pub(super) fn write(text: &str, meaning: &Meaning<'_>, calling: &Calling<'_, '_>) -> String {
    if meaning.calls.is_empty() && !text.contains("@@") {
        return collapse(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut calls = meaning.calls.iter();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Escape => out.push('@'),
            Piece::Call(call) => match calls.next() {
                Some((_, meant)) => calling.write(&call, meant, text, &mut out),
                None => out.push_str(call.source),
            },
        }
    }
    collapse(&out)
}

impl Calling<'_, '_> {
    fn write(&self, call: &Call<'_>, meant: &[usize], text: &str, out: &mut String) {
        let position = |i: &usize| self.sent.iter().position(|sent| sent == i);
        let sent: Vec<(usize, usize)> =
            meant.iter().filter_map(|i| Some((*i, position(i)? + 1))).collect();
        match self.syntax {
            Some(syntax) if !sent.is_empty() => {
                for (n, (i, position)) in sent.into_iter().enumerate() {
                    if n > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(&syntax.render(position, &self.all[i].shown));
                }
            }
            _ => out.push_str(&self.plain(call, meant, text)),
        }
    }

    /// Plain words for a mention: what the subject is called, unless the prompt says that
    /// already; then the picture's own name.
    fn plain(&self, call: &Call<'_>, meant: &[usize], text: &str) -> String {
        let own_name = || call.name.replace(['-', '_'], " ");
        let Some(candidate) = meant.first().map(|i| &self.all[*i]) else { return own_name() };
        let noun = (self.noun)(candidate.owner);
        let taken = candidate.owner == Owner::Subject && text.contains(&noun);
        if noun.is_empty() || taken {
            candidate.reference.name.replace(['-', '_'], " ")
        } else {
            noun
        }
    }
}

/// Makes whitespace plain: none at the ends, one space between words; an empty line between
/// paragraphs stays as one line break.
pub(super) fn collapse(text: &str) -> String {
    let text = text.trim();
    let plain = |pair: &[u8]| pair[0] == b' ' && pair[1] == b' ';
    let bytes = text.as_bytes();
    let odd = |b: &u8| (b.is_ascii_whitespace() || b.is_ascii_control()) && *b != b' ';
    if !bytes.iter().any(odd) && !bytes.windows(2).any(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let (mut spaces, mut lines) = (0, 0);
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            spaces += 1;
            lines += usize::from(c == '\n');
            continue;
        }
        match (spaces, lines) {
            (0, _) => {}
            (_, 0 | 1) => out.push(' '),
            _ => out.push('\n'),
        }
        (spaces, lines) = (0, 0);
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_text_reads_as_one_line_and_paragraphs_stay_apart() {
        assert_eq!(collapse("  a mug\n  turns\tslowly \n"), "a mug turns slowly");
        assert_eq!(collapse("first\n\n  then"), "first\nthen");
        assert_eq!(collapse("a mug"), "a mug");
        assert_eq!(collapse(" \n "), "");
    }
}
