//! Names that expressions look for in a mapping: `audio` in `options.audio`.

use crate::diagnostic::Place;
use crate::yaml::{Node, Value};

/// Every name that follows `before` (such as `options.`) anywhere in a tree's texts, with the
/// text's place.
pub fn names_after(node: &Node, before: &str) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    collect(node, before, &mut found);
    found
}

fn collect(node: &Node, before: &str, found: &mut Vec<(Place, String)>) {
    match &node.value {
        Value::Null => {}
        Value::List(items) => items.iter().for_each(|item| collect(item, before, found)),
        Value::Map(entries) => {
            entries.iter().for_each(|entry| collect(&entry.value, before, found));
        }
        Value::Scalar(scalar) => {
            for (at, _) in scalar.text.match_indices(before) {
                if scalar.text[..at].ends_with(part_of_name) {
                    continue;
                }
                let rest = &scalar.text[at + before.len()..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                found.push((node.place, rest[..end.unwrap_or(rest.len())].to_owned()));
            }
        }
    }
}

/// Whether a name goes on before a match: `my_options.` is not `options.`.
fn part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}
