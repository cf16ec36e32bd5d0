//! Shapes: JSON with expressions in it, and fillings: text with expressions in it.
//!
//! * Text that is one `${…}` and nothing else becomes the expression's value with its type; when
//!   that is undefined or none, the key or list entry is left out.
//! * Other text is filled in; when a part has no value, all of it is left out.
//! * `{$each: EXPR, $item: SHAPE}` becomes one entry for each of a list, seen as `item` and
//!   counted by `index` from 1; inside a list the entries join it, elsewhere they are a list,
//!   which is left out when it is empty.
//! * `{$if: EXPR, $then: SHAPE, $else: SHAPE}` is one of two, or left out.
//! * `{$file: EXPR}` is a picture's bytes; only in multipart bodies.

use std::fmt;

use minijinja::value::Value;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::expression::{Expr, Scope, WireError};
use crate::diagnostic::Place;
use crate::yaml::{Node, Value as NodeValue, json_of};

/// The key under which a rendered multipart body holds the position of a picture.
pub const FILE_KEY: &str = "$file";

/// Text with `${…}` in it.
#[derive(Clone, PartialEq)]
pub struct Filling {
    source: String,
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Expr(Expr),
}

impl Filling {
    /// Compiles it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(source: &str) -> Result<Filling, String> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            let end = closing(after).ok_or("a `${` has no closing `}`")?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Expr(Expr::parse(after[..end].trim())?));
            rest = &after[end + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Filling { source: source.to_owned(), pieces })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The expression, when the text is nothing else.
    fn lone(&self) -> Option<&Expr> {
        match &self.pieces[..] {
            [Piece::Expr(expr)] => Some(expr),
            _ => None,
        }
    }

    /// Whether nothing is to be filled in.
    pub fn is_plain(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Expr(_)))
    }

    /// The names that its expressions use.
    pub fn names(&self) -> Vec<String> {
        let exprs = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Text(_) => None,
        });
        exprs.flat_map(Expr::names).collect()
    }

    /// The text; absent when an expression has no value. `write` turns each value to text, for
    /// instance escaped for a path.
    ///
    /// # Errors
    /// As [`Expr::value`].
    pub fn fill_with(
        &self,
        scope: &Scope,
        write: impl Fn(&str) -> String,
    ) -> Result<Option<String>, WireError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Expr(expr) => match expr.text(scope)? {
                    Some(value) => text.push_str(&write(&value)),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(text))
    }

    /// The text as it is.
    ///
    /// # Errors
    /// As [`Expr::value`].
    pub fn fill(&self, scope: &Scope) -> Result<Option<String>, WireError> {
        self.fill_with(scope, str::to_owned)
    }
}

/// Where the `}` is that closes an expression; braces in it come in pairs, texts are skipped.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// JSON with expressions in it.
#[derive(Clone, PartialEq)]
pub struct Shape {
    source: Json,
    pub(super) part: Part,
}

#[derive(Clone, PartialEq)]
pub(super) enum Part {
    Literal(Json),
    Value(Expr),
    Text(Filling),
    List(Vec<Part>),
    Map(Vec<(String, Part)>),
    Each { over: Expr, item: Box<Part> },
    If { when: Expr, then: Box<Part>, otherwise: Option<Box<Part>> },
    File(Expr),
}

impl Shape {
    /// Compiles it.
    ///
    /// # Errors
    /// What is wrong with it, in words: the first problem.
    pub fn parse(source: &Json) -> Result<Shape, String> {
        let part = Part::parse(source)?;
        Ok(Shape { source: source.clone(), part })
    }

    /// As written.
    pub fn source(&self) -> &Json {
        &self.source
    }

    /// Whether a picture's bytes are a part of it.
    pub fn has_file(&self) -> bool {
        self.part.has_file()
    }

    /// The JSON; absent when all of it is left out.
    ///
    /// # Errors
    /// As [`Expr::value`].
    pub fn render(&self, scope: &Scope) -> Result<Option<Json>, WireError> {
        self.part.render(scope)
    }
}

impl Part {
    fn parse(source: &Json) -> Result<Part, String> {
        Ok(match source {
            Json::String(text) if text.contains("${") => {
                let filling = Filling::parse(text)?;
                match filling.lone() {
                    Some(expr) => Part::Value(expr.clone()),
                    None => Part::Text(filling),
                }
            }
            Json::Array(items) => {
                Part::List(items.iter().map(Part::parse).collect::<Result<_, _>>()?)
            }
            Json::Object(entries) => Part::map(entries)?,
            literal => Part::Literal(literal.clone()),
        })
    }

    fn map(entries: &Map<String, Json>) -> Result<Part, String> {
        let marks: Vec<&str> =
            entries.keys().map(String::as_str).filter(|k| k.starts_with('$')).collect();
        let expr = |key: &str| match entries.get(key).and_then(Json::as_str) {
            Some(text) => {
                let inner = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
                Expr::parse(inner.unwrap_or(text).trim())
            }
            None => Err(format!("`{key}` must be an expression")),
        };
        let part = |key: &str| entries.get(key).map(Part::parse).transpose();
        if marks.len() != entries.len() && !marks.is_empty() {
            return Err(format!("`{}` can't stand beside other keys", marks[0]));
        }
        match marks[..] {
            [] => {
                let parts = entries.iter().map(|(k, v)| Ok((k.clone(), Part::parse(v)?)));
                Ok(Part::Map(parts.collect::<Result<_, String>>()?))
            }
            ["$file"] => Ok(Part::File(expr("$file")?)),
            ["$each", "$item"] | ["$item", "$each"] => {
                let item = part("$item")?.ok_or("`$each` needs `$item`")?;
                Ok(Part::Each { over: expr("$each")?, item: Box::new(item) })
            }
            _ if marks.contains(&"$if")
                && marks.contains(&"$then")
                && marks.iter().all(|m| ["$if", "$then", "$else"].contains(m)) =>
            {
                let then = part("$then")?.ok_or("`$if` needs `$then`")?;
                let otherwise = part("$else")?.map(Box::new);
                Ok(Part::If { when: expr("$if")?, then: Box::new(then), otherwise })
            }
            _ => Err(format!(
                "`{}` can't be read; write `$each` with `$item`, `$if` with `$then` (and `$else`), \
                 or `$file`",
                marks.join("`, `")
            )),
        }
    }

    fn has_file(&self) -> bool {
        match self {
            Part::File(_) => true,
            Part::Literal(_) | Part::Value(_) | Part::Text(_) => false,
            Part::List(parts) => parts.iter().any(Part::has_file),
            Part::Map(parts) => parts.iter().any(|(_, part)| part.has_file()),
            Part::Each { item, .. } => item.has_file(),
            Part::If { then, otherwise, .. } => {
                then.has_file() || otherwise.as_ref().is_some_and(|part| part.has_file())
            }
        }
    }

    fn render(&self, scope: &Scope) -> Result<Option<Json>, WireError> {
        Ok(match self {
            Part::Literal(json) => Some(json.clone()),
            Part::Value(expr) => expr.json(scope)?,
            Part::Text(filling) => filling.fill(scope)?.map(Json::String),
            Part::List(parts) => {
                let mut items = Vec::new();
                for part in parts {
                    match part {
                        Part::Each { over, item } => items.extend(each(over, item, scope)?),
                        part => items.extend(part.render(scope)?),
                    }
                }
                Some(Json::Array(items))
            }
            Part::Map(parts) => {
                let mut map = Map::new();
                for (key, part) in parts {
                    if let Some(json) = part.render(scope)? {
                        map.insert(key.clone(), json);
                    }
                }
                Some(Json::Object(map))
            }
            Part::Each { over, item } => {
                let items = each(over, item, scope)?;
                Some(items).filter(|items| !items.is_empty()).map(Json::Array)
            }
            Part::If { when, then, otherwise } => {
                match (when.value(scope)?.is_some_and(|v| v.is_true()), otherwise) {
                    (true, _) => then.render(scope)?,
                    (false, Some(otherwise)) => otherwise.render(scope)?,
                    (false, None) => None,
                }
            }
            Part::File(expr) => match expr.value(scope)? {
                Some(picture) => {
                    let at = picture.get_attr("at").ok().and_then(|at| at.as_usize());
                    let Some(at) = at else {
                        let why = "it is no picture".to_owned();
                        return Err(WireError { expression: expr.source().to_owned(), why });
                    };
                    let mut map = Map::new();
                    map.insert(FILE_KEY.to_owned(), Json::from(at));
                    Some(Json::Object(map))
                }
                None => None,
            },
        })
    }
}

/// One rendered item for each value of a list, left out where it renders to nothing.
fn each(over: &Expr, item: &Part, scope: &Scope) -> Result<Vec<Json>, WireError> {
    let Some(list) = over.value(scope)? else { return Ok(Vec::new()) };
    let values = list
        .try_iter()
        .map_err(|e| WireError { expression: over.source().to_owned(), why: e.to_string() })?;
    let mut items = Vec::new();
    for (position, value) in values.enumerate() {
        let inner: Scope = minijinja::context! {
            item => value, index => Value::from(position + 1), ..scope.clone()
        };
        items.extend(item.render(&inner)?);
    }
    Ok(items)
}

/// Every problem of a shape in a file, each at its place.
pub(super) fn problems(node: &Node) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    match &node.value {
        NodeValue::List(items) => items.iter().for_each(|item| found.extend(problems(item))),
        NodeValue::Map(entries) => {
            let marked = |e: &&crate::yaml::Entry| e.key.text().is_some_and(|k| k.starts_with('$'));
            for entry in entries {
                let is_expression =
                    entry.key.text().is_some_and(|k| ["$each", "$if", "$file"].contains(&k));
                if !is_expression {
                    found.extend(problems(&entry.value));
                }
            }
            // Only when the parts are sound can the whole say something new.
            if found.is_empty()
                && let Some(first) = entries.iter().find(marked)
                && let Err(why) = Part::parse(&json_of(node))
            {
                found.push((first.key.place, why));
            }
        }
        NodeValue::Scalar(_) | NodeValue::Null => {
            if let Err(why) = Part::parse(&json_of(node)) {
                found.push((node.place, why));
            }
        }
    }
    found
}

impl fmt::Debug for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filling({})", self.source)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({})", self.source)
    }
}

impl<'de> Deserialize<'de> for Filling {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Filling::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Filling {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Shape::parse(&crate::yaml::Json::deserialize(d)?.0).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(s)
    }
}

impl JsonSchema for Filling {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Filling".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "filling",
            "description": "Text in which `${…}` is filled in."
        })
    }
}

impl JsonSchema for Shape {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Shape".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "format": "shape",
            "description": "JSON in which `${…}` is filled in, with its type; what has no value is left out."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;
    use serde_json::json;

    fn rendered(shape: Json, scope: Scope) -> Json {
        let shape = Shape::parse(&shape).expect("it parses");
        shape.render(&scope).expect("it renders").unwrap_or(Json::Null)
    }

    #[test]
    fn a_value_keeps_its_type_and_is_left_out_when_there_is_none() {
        let shape = json!({
            "whole": "${duration}", "text": "${duration | string}", "unit": "${duration}s",
            "flag": false, "seed": "${seed}", "aspect": "${values.size[aspect]}",
        });
        let scope = context! { duration => 5, values => context! { size => context! {} } };
        let expected = json!({"whole": 5, "text": "5", "unit": "5s", "flag": false});
        assert_eq!(rendered(shape, scope), expected);
    }

    #[test]
    fn repeated_entries_join_the_list_they_stand_in() {
        let shape = json!({
            "content": [
                {"type": "text", "text": "${prompt}"},
                {"$each": "${references}", "$item": {"url": "${item.uri}", "n": "${index}"}},
            ],
            "images": {"$each": "references", "$item": "${item.uri}"},
            "videos": {"$each": "${pictures}", "$item": "${item.uri}"},
        });
        let references = vec![context! { uri => "a" }, context! { uri => "b" }];
        let scope = context! { prompt => "p", references => references };
        let expected = json!({
            "content": [
                {"type": "text", "text": "p"}, {"url": "a", "n": 1}, {"url": "b", "n": 2},
            ],
            "images": ["a", "b"],
        });
        assert_eq!(rendered(shape, scope), expected);
    }

    #[test]
    fn one_of_two_shapes_is_chosen() {
        let shape = json!({"ratio": {"$if": "first", "$then": "adaptive", "$else": "${aspect}"}});
        let with = context! { first => context! { uri => "a" }, aspect => "9:16" };
        assert_eq!(rendered(shape.clone(), with), json!({"ratio": "adaptive"}));
        assert_eq!(rendered(shape, context! { aspect => "9:16" }), json!({"ratio": "9:16"}));
    }

    #[test]
    fn mistakes_are_said() {
        for (shape, says) in [
            (json!("${prompt"), "no closing"),
            (json!("${promt}"), "did you mean `prompt`?"),
            (json!("${prompt |}"), "not an expression"),
            (json!({"$each": "references"}), "can't be read"),
            (json!({"$if": "seed", "$then": 1, "other": 2}), "beside other keys"),
        ] {
            let why = Shape::parse(&shape).expect_err("a mistake");
            assert!(why.contains(says), "{why}");
        }
    }
}
