//! Reading: a shape turned around. Given what a shape was rendered to, by whatever client, it
//! tells what stood where each expression stands.
//!
//! What lives here: walking a shape and a JSON value side by side. What never does: what an
//! expression's value means; expressions are not solved here.

use serde_json::Value as Json;

use super::expression::Expr;
use super::shape::{FILE_KEY, Filling, Part, Piece, Shape};

/// What stands where an expression stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The expression.
    pub expr: Expr,
    /// What stands there; for an expression inside a text, the piece of text.
    pub value: Json,
    /// The list whose entry this is, and the entry's position from 0.
    pub of: Option<(Expr, usize)>,
    /// Whether it is a file of a form; the value is then its position among the form's files.
    pub file: bool,
}

/// What a shape says about a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// In the order of the shape.
    pub sightings: Vec<Sighting>,
    /// Scalars of the value that the shape accounts for.
    pub explained: usize,
    /// Places where shape and value contradict each other.
    pub contradicted: usize,
}

impl Reading {
    /// How well the shape fits: what it explains, less what contradicts it.
    pub fn fit(&self) -> i64 {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        count(self.explained).saturating_sub(count(self.contradicted).saturating_mul(2))
    }

    fn take(&mut self, other: Reading) {
        self.sightings.extend(other.sightings);
        self.explained += other.explained;
        self.contradicted += other.contradicted;
    }

    fn see(&mut self, expr: &Expr, value: Json, of: Of<'_>, file: bool) {
        self.explained += scalars(&value);
        let of = of.map(|(over, at)| (over.clone(), at));
        self.sightings.push(Sighting { expr: expr.clone(), value, of, file });
    }
}

type Of<'a> = Option<(&'a Expr, usize)>;

impl Shape {
    /// What stood where its expressions stand, if `json` was made from it.
    pub fn read(&self, json: &Json) -> Reading {
        read(&self.part, json, None)
    }
}

impl Filling {
    /// What stood where its expressions stand; absent when the text was not made from it.
    pub fn read(&self, text: &str) -> Option<Vec<Sighting>> {
        let found = pieces(&self.pieces, text)?;
        let sighting = |(expr, text): (&Expr, &str)| {
            let value = Json::String(text.to_owned());
            Sighting { expr: expr.clone(), value, of: None, file: false }
        };
        Some(found.into_iter().map(sighting).collect())
    }
}

fn read(part: &Part, json: &Json, of: Of<'_>) -> Reading {
    let mut reading = Reading::default();
    match part {
        Part::Literal(literal) if sent_as(json, literal) => reading.explained += scalars(json),
        Part::Literal(_) => reading.contradicted += 1,
        Part::Value(expr) => reading.see(expr, json.clone(), of, false),
        Part::Text(filling) => match json.as_str().and_then(|text| pieces(&filling.pieces, text)) {
            Some(found) => {
                for (expr, text) in found {
                    reading.see(expr, Json::String(text.to_owned()), of, false);
                }
                reading.explained += 1;
            }
            None => reading.contradicted += 1,
        },
        Part::List(parts) => match json {
            Json::Array(items) => reading.take(list(parts, items, of)),
            _ => reading.contradicted += 1,
        },
        Part::Map(parts) => match json {
            Json::Object(entries) => {
                for (key, part) in parts {
                    match (entries.get(key), part) {
                        (Some(value), part) => reading.take(read(part, value, of)),
                        (None, Part::Literal(literal)) if !literal.is_null() => {
                            reading.contradicted += 1;
                        }
                        (None, _) => {}
                    }
                }
            }
            _ => reading.contradicted += 1,
        },
        Part::Each { over, item } => match json {
            Json::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    reading.take(read(item, value, Some((over, at))));
                }
            }
            _ => reading.contradicted += 1,
        },
        Part::If { then, otherwise, .. } => {
            let first = read(then, json, of);
            let second = otherwise.as_ref().map(|part| read(part, json, of));
            reading.take(match second {
                Some(second) if second.fit() > first.fit() => second,
                _ => first,
            });
        }
        Part::File(expr) => match json.get(FILE_KEY) {
            Some(position) => reading.see(expr, position.clone(), of, true),
            None => reading.contradicted += 1,
        },
    }
    reading
}

/// Gives each entry to the part that it fits best; a part takes one entry, a repeated one any
/// number.
fn list(parts: &[Part], items: &[Json], of: Of<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut taken = vec![0usize; parts.len()];
    for value in items {
        let mut best: Option<(usize, Reading)> = None;
        for (at, part) in parts.iter().enumerate() {
            let tried = match repeated(part) {
                Some((over, item)) => read(item, value, Some((over, taken[at]))),
                None if taken[at] > 0 => continue,
                None => read(part, value, of),
            };
            if best.as_ref().is_none_or(|(_, found)| tried.fit() > found.fit()) {
                best = Some((at, tried));
            }
        }
        match best {
            Some((at, found)) => {
                taken[at] += 1;
                reading.take(found);
            }
            None => reading.contradicted += 1,
        }
    }
    reading
}

fn repeated(part: &Part) -> Option<(&Expr, &Part)> {
    match part {
        Part::Each { over, item } => Some((over, item)),
        _ => None,
    }
}

/// Splits a text at the literal pieces of a filling.
fn pieces<'p, 't>(pieces: &'p [Piece], text: &'t str) -> Option<Vec<(&'p Expr, &'t str)>> {
    match pieces {
        [] => text.is_empty().then(Vec::new),
        [Piece::Text(literal), rest @ ..] => self::pieces(rest, text.strip_prefix(&literal[..])?),
        [Piece::Expr(expr)] => (!text.is_empty()).then(|| vec![(expr, text)]),
        [Piece::Expr(expr), rest @ ..] => {
            let Some(Piece::Text(next)) = rest.first() else { return None };
            text.match_indices(&next[..]).filter(|(at, _)| *at > 0).find_map(|(at, _)| {
                let mut found = vec![(expr, &text[..at])];
                found.extend(self::pieces(rest, &text[at..])?);
                Some(found)
            })
        }
    }
}

/// Whether what was sent is this value, whether it was sent as JSON or as a form's text.
pub fn sent_as(sent: &Json, value: &Json) -> bool {
    sent == value || loose(sent).is_some_and(|text| Some(text) == loose(value))
}

/// A scalar as a form writes it.
fn loose(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => Some(format!("{float:.0}")),
            _ => Some(number.to_string()),
        },
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn scalars(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(scalars).sum(),
        Json::Object(entries) => entries.values().map(scalars).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(shape: Json, body: Json) -> Vec<(String, Json)> {
        let shape = Shape::parse(&shape).expect("it parses");
        let reading = shape.read(&body);
        reading.sightings.into_iter().map(|s| (s.expr.source().to_owned(), s.value)).collect()
    }

    fn pairs(expected: &[(&str, Json)]) -> Vec<(String, Json)> {
        expected.iter().map(|(expr, value)| ((*expr).to_owned(), value.clone())).collect()
    }

    #[test]
    fn values_and_pieces_of_text_are_seen_where_they_stand() {
        let shape = json!({
            "model": "${model}", "seconds": "${duration}s", "size": "${width}x${height}",
            "seed": "${seed}", "kind": "video",
        });
        let body = json!({"size": "720x1280", "model": "m", "kind": "video", "seconds": "5s"});
        let expected = [
            ("model", json!("m")),
            ("duration", json!("5")),
            ("width", json!("720")),
            ("height", json!("1280")),
        ];
        assert_eq!(seen(shape, body), pairs(&expected));
    }

    #[test]
    fn entries_of_lists_go_to_the_part_that_they_fit() {
        let shape = Shape::parse(&json!({"content": [
            {"type": "text", "text": "${prompt}"},
            {"$each": "references", "$item": {"type": "image", "url": "${item.uri}"}},
        ]}));
        let body = json!({"content": [
            {"type": "image", "url": "a"}, {"type": "text", "text": "p"}, {"type": "image", "url": "b"},
        ]});
        let reading = shape.expect("it parses").read(&body);
        let found: Vec<_> = reading
            .sightings
            .iter()
            .map(|s| (s.value.as_str().unwrap_or_default(), s.of.as_ref().map(|(_, at)| *at)))
            .collect();
        assert_eq!(found, [("a", Some(0)), ("p", None), ("b", Some(1))]);
        assert_eq!((reading.explained, reading.contradicted), (6, 0));
    }

    #[test]
    fn of_two_shapes_the_one_that_fits_is_read() {
        let shape = json!({"image": {
            "$if": "handles", "$then": {"id": "${first.handle}"}, "$else": {"data": "${first.base64}"},
        }});
        let expected = pairs(&[("first.base64", json!("AAAA"))]);
        assert_eq!(seen(shape, json!({"image": {"data": "AAAA"}})), expected);
    }

    #[test]
    fn what_contradicts_is_counted() {
        let shape = Shape::parse(&json!([{"uri": "${first.uri}", "position": "first"}]));
        let shape = shape.expect("it parses");
        assert_eq!(shape.read(&json!("https://example.com/a.png")).fit(), -2);
        assert_eq!(shape.read(&json!([{"uri": "a", "position": "last"}])).contradicted, 1);
        assert_eq!(shape.read(&json!([{"uri": "a", "position": "first"}])).contradicted, 0);
    }

    #[test]
    fn a_form_s_texts_stand_for_numbers_and_truths() {
        let shape = Shape::parse(&json!({"n": 1, "audio": false, "at": 2.0}));
        let reading =
            shape.expect("it parses").read(&json!({"n": "1", "audio": "false", "at": "2"}));
        assert_eq!((reading.explained, reading.contradicted), (3, 0));
    }
}
