//! Texts with holes: what the texts of many jobs share, and where they differ.
//!
//! `{id}` stands for the subject's id, `{0}` and so on for its values, `{short}` for the job's
//! short name, `{{` for a brace. What never lives here: which jobs share a text.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One piece of a text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Id,
    Short,
    Value(u16),
}

/// What fills the holes: `V` is text.
#[derive(Debug)]
pub(super) struct Filling<'a, V> {
    pub id: &'a str,
    pub values: &'a [V],
    pub short: &'a str,
}

impl<'a, V: AsRef<str>> Filling<'a, V> {
    fn of(&self, piece: &'a Piece) -> Option<&'a str> {
        match piece {
            Piece::Text(text) => Some(text),
            Piece::Id => Some(self.id),
            Piece::Short => Some(self.short),
            Piece::Value(i) => self.values.get(usize::from(*i)).map(AsRef::as_ref),
        }
    }
}

/// A text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<[Piece]>);

/// The shortest text that is taken for a value: shorter ones are met everywhere by chance.
const SHORTEST: usize = 2;

impl Pattern {
    /// `text`, with a hole wherever something of `filling` stands. Longer ones come first, so
    /// that a title that holds the id is one hole.
    pub(super) fn learn<V: AsRef<str>>(text: &str, filling: &Filling<'_, V>) -> Pattern {
        let id = (filling.id, Piece::Id);
        let short = (filling.short, Piece::Short);
        let value = |(i, value): (usize, &V)| -> Option<(String, Piece)> {
            Some((value.as_ref().to_owned(), Piece::Value(u16::try_from(i).ok()?)))
        };
        let named = [id, short].map(|(text, piece)| (text.to_owned(), piece));
        let mut known: Vec<(String, Piece)> =
            named.into_iter().chain(filling.values.iter().enumerate().filter_map(value)).collect();
        known.retain(|(text, _)| text.len() >= SHORTEST);
        // Of two that are the same, the one that is named first.
        known.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let mut pieces = vec![Piece::Text(text.into())];
        for (what, hole) in &known {
            let cut = |piece: Piece| -> Vec<Piece> {
                let Piece::Text(text) = piece else { return vec![piece] };
                let mut out = Vec::new();
                for (i, part) in text.split(what.as_str()).enumerate() {
                    if i > 0 {
                        out.push(hole.clone());
                    }
                    if !part.is_empty() {
                        out.push(Piece::Text(part.into()));
                    }
                }
                out
            };
            pieces = pieces.into_iter().flat_map(cut).collect();
        }
        Pattern(pieces.into())
    }

    /// Whether its holes filled give `text`.
    pub(super) fn gives<V: AsRef<str>>(&self, text: &str, filling: &Filling<'_, V>) -> bool {
        let mut rest = text;
        for piece in &self.0 {
            let after = filling.of(piece).and_then(|part| rest.strip_prefix(part));
            let Some(after) = after else { return false };
            rest = after;
        }
        rest.is_empty()
    }

    /// Whether there is something for each hole.
    pub(super) fn fits<V: AsRef<str>>(&self, filling: &Filling<'_, V>) -> bool {
        self.0.iter().all(|piece| filling.of(piece).is_some())
    }

    /// Its text. A hole for which there is nothing stays empty; [`Pattern::fits`] is asked first.
    pub(super) fn fill<V: AsRef<str>>(&self, filling: &Filling<'_, V>) -> String {
        self.0.iter().filter_map(|piece| filling.of(piece)).collect()
    }

    fn parse(text: &str) -> Result<Pattern, &'static str> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let end = rest.find('}').ok_or("a hole is never closed")?;
            let hole = match &rest[..end] {
                "id" => Piece::Id,
                "short" => Piece::Short,
                number => Piece::Value(number.parse().map_err(|_| "there is no such hole")?),
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
            }
            pieces.push(hole);
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        Ok(Pattern(pieces.into()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(&text.replace('{', "{{"))?,
                Piece::Id => f.write_str("{id}")?,
                Piece::Short => f.write_str("{short}")?,
                Piece::Value(i) => write!(f, "{{{i}}}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Pattern::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A text with holes: `{id}` is the subject's id, `{0}` and so on its \
                values, `{short}` the first six hex digits of the job's key, `{{` a brace.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(values: &[String]) -> Vec<Box<str>> {
        values.iter().map(|v| v.as_str().into()).collect()
    }

    #[test]
    fn what_differs_becomes_a_hole() {
        let of = |text: &str| {
            let values = values(&["Blue mug".to_owned(), "blue".to_owned()]);
            let filling = Filling { id: "mug", values: &values, short: "ab12cd" };
            Pattern::learn(text, &filling).to_string()
        };
        assert_eq!(of("Blue mug in blue turns {slowly}"), "{0} in {1} turns {{slowly}");
        assert_eq!(of("clips/mug/turn-ab12cd.mp4"), "clips/{id}/turn-{short}.mp4");
    }

    proptest! {
        #[test]
        fn what_was_learnt_gives_the_text_again(
            text in "[a-c{}0 é]{0,30}", id in "[a-c]{1,3}", given in prop::collection::vec("[a-c é]{0,4}", 0..4),
        ) {
            let values = values(&given);
            let filling = Filling { id: &id, values: &values, short: "0a0b0c" };
            let learnt = Pattern::learn(&text, &filling);
            prop_assert!(learnt.fits(&filling) && learnt.gives(&text, &filling));
            prop_assert_eq!(learnt.fill(&filling), text);
            let written = serde_json::to_string(&learnt).expect("text");
            let read: Pattern = serde_json::from_str(&written).expect("as written");
            prop_assert_eq!(read.to_string(), learnt.to_string());
            prop_assert_eq!(read.fill(&filling), learnt.fill(&filling));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[{}a-z0-9]{0,12}") {
            let _ = Pattern::parse(&text);
        }
    }
}
