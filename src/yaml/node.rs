//! The tree of a YAML file: values with their places.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::diagnostic::Place;

/// One value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it is. A list or mapping in block style has the place of its first entry.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a node can be. Numbers and truth values are scalars too: they keep their text, and
/// whoever reads them decides what they are.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Anything written as one piece of text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<Entry>),
}

/// A scalar's text after YAML's own quoting and folding.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text.
    pub text: Arc<str>,
    /// Whether it stands without quotes, so that `true` and `5` can be more than text.
    pub plain: bool,
    /// Whether the text stands in the file byte for byte from the node's place on.
    pub literal: bool,
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key; always a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text, if it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a key, if it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|e| e.key.text() == Some(key)).map(|e| &e.value)
    }

    /// How many values it is made of, itself and keys included.
    pub(super) fn weight(&self) -> u64 {
        1 + match &self.value {
            Value::Null | Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::weight).sum(),
            Value::Map(entries) => entries.iter().map(|e| 1 + e.value.weight()).sum(),
        }
    }

    /// How many levels of lists and mappings it has.
    pub(super) fn depth(&self) -> u64 {
        match &self.value {
            Value::Null | Value::Scalar(_) => 0,
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
        }
    }
}

/// The place of the value under some keys; where they end, that of the nearest one around.
/// Entries of lists are counted from 0.
pub fn place_of<'k>(node: &Node, keys: impl Iterator<Item = &'k str>) -> Place {
    let mut here = node;
    for key in keys {
        let child = match &here.value {
            Value::List(items) => key.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => here.get(key),
        };
        match child {
            Some(child) => here = child,
            None => break,
        }
    }
    here.place
}

/// The tree as JSON: what stands without quotes and reads as a truth value, a number or nothing
/// is one; everything else is text.
pub fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar(scalar) => scalar_json(scalar),
        Value::List(items) => Json::Array(items.iter().map(json_of).collect()),
        Value::Map(entries) => {
            let entry = |e: &Entry| Some((e.key.text()?.to_owned(), json_of(&e.value)));
            Json::Object(entries.iter().filter_map(entry).collect())
        }
    }
}

fn scalar_json(scalar: &Scalar) -> Json {
    let text = || Json::String(scalar.text.to_string());
    if !scalar.plain {
        return text();
    }
    match &*scalar.text {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        plain if super::form::is_decimal(plain) => {
            serde_json::from_str(plain).unwrap_or_else(|_| text())
        }
        _ => text(),
    }
}

/// Where a range of a scalar's text stands in the file, for scalars whose text is not literally
/// there. `written` is the scalar as written, with quotes or block header. YAML's folding only
/// ever changes white space, so the n-th visible character of the text is the n-th visible
/// character as written; where escapes break this rule there is no answer.
pub(super) fn locate(written: &str, text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let body = match written.as_bytes().first()? {
        b'|' | b'>' => written.find('\n')? + 1..written.len(),
        b'"' | b'\'' if written.len() >= 2 => 1..written.len() - 1,
        _ => 0..written.len(),
    };
    let visible = |s: &str| -> Vec<(usize, char)> {
        s.char_indices().filter(|(_, c)| !c.is_whitespace()).collect()
    };
    let (inside, outside) = (visible(text), visible(&written[body.clone()]));
    if inside.len() != outside.len() || inside.iter().zip(&outside).any(|(a, b)| a.1 != b.1) {
        return None;
    }
    let first = inside.iter().position(|(i, _)| *i >= range.start)?;
    let last = inside.iter().rposition(|(i, _)| *i < range.end.max(range.start + 1))?.max(first);
    let start = body.start + outside[first].0;
    let end = body.start + outside[last].0 + outside[last].1.len_utf8();
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_in_a_folded_text_is_found_in_the_file() {
        let written = ">-\n    a cup\n    of {{ tea }}\n";
        let text = "a cup of {{ tea }}";
        let at = text.find("tea").expect("it is there");
        let found = locate(written, text, at..at + 3).expect("only white space differs");
        assert_eq!(&written[found], "tea");
    }

    #[test]
    fn an_escape_leaves_no_exact_range() {
        assert_eq!(locate(r#""a\tb""#, "a\tb", 2..3), None);
    }
}
