//! Which attributes a catalogue names anywhere: the text of all others is not kept in memory.
//!
//! What never lives here: whether what is named exists (that is `names`).

use std::collections::BTreeSet;

use crate::limits::Limits;
use crate::template::Engine;
use crate::yaml::{Node, Value};

/// By these, pictures and subjects are called where nobody says how, and exports find a product
/// at its shop.
const ALWAYS: [&str; 4] = ["handle", "name", "sku", "title"];

/// The attributes that manifests name.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// While a feed is read: by ids, pictures and selections of sets.
    reading: Named,
    /// Also later: by shots, exports and all else.
    later: Named,
    /// Further subjects in shots: `mia` in `{{ mia.name }}`.
    aliases: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Named {
    names: BTreeSet<String>,
    /// Of these, those with no path after them.
    bare: BTreeSet<String>,
    /// Whether some template takes a subject as a whole, so that any attribute may be meant.
    whole: bool,
}

impl Used {
    /// Adds what a manifest names: in templates wherever they stand, and in conditions.
    pub fn read(&mut self, manifest: &Node, limits: &Limits) {
        let engine = Engine::new(limits);
        for entry in manifest.entries() {
            match entry.key.text() {
                Some("subjects") => self.reading.node(None, &entry.value, &engine),
                key => self.later.node(key, &entry.value, &engine),
            }
        }
        let sets = manifest.get("subjects").map(Node::entries).unwrap_or_default();
        let updated = sets.iter().filter_map(|set| set.value.get("updated")?.text());
        self.later.names.extend(updated.map(|name| name.trim().to_owned()));
        aliases(None, manifest, &mut self.aliases);
    }

    /// Whether the text of an attribute is needed while its feed is read.
    pub fn has(&self, attribute: &str) -> bool {
        self.reading.has(attribute, &self.aliases) || self.stays(attribute)
    }

    /// Whether it is needed later, too.
    pub fn stays(&self, attribute: &str) -> bool {
        ALWAYS.contains(&attribute) || self.later.has(attribute, &self.aliases)
    }
}

/// The names under `with:`.
fn aliases(key: Option<&str>, node: &Node, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| aliases(None, item, found)),
        Value::Map(entries) => {
            for entry in entries {
                if key == Some("with") {
                    found.extend(entry.key.text().map(str::to_owned));
                }
                aliases(entry.key.text(), &entry.value, found);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

impl Named {
    fn has(&self, attribute: &str, aliases: &BTreeSet<String>) -> bool {
        self.whole
            || self.names.contains(attribute)
            || self.bare.iter().any(|name| aliases.contains(name))
    }

    fn node<'s>(&mut self, key: Option<&str>, node: &'s Node, engine: &Engine<'s>) {
        match &node.value {
            Value::Null => {}
            Value::List(items) => items.iter().for_each(|item| self.node(key, item, engine)),
            Value::Map(entries) => {
                entries.iter().for_each(|e| self.node(e.key.text(), &e.value, engine));
            }
            Value::Scalar(scalar) => self.text(key, &scalar.text, engine),
        }
    }

    fn text<'s>(&mut self, key: Option<&str>, text: &'s str, engine: &Engine<'s>) {
        // What can't be compiled is said where it is used.
        let paths = match key {
            Some("where") => engine.expression(text).map(|c| c.undeclared()),
            _ if text.contains('{') => engine.template(text).map(|t| t.undeclared()),
            _ => return,
        };
        for path in paths.unwrap_or_default() {
            let mut parts = path.split('.');
            match (parts.next(), parts.next()) {
                (Some("subject"), None) => self.whole = true,
                (Some(name), None) => {
                    self.bare.insert(name.to_owned());
                    self.names.insert(name.to_owned());
                }
                // Of `subject.colour` and `mia.colour`, the attribute.
                (head, Some(name)) => {
                    self.names.extend(head.map(str::to_owned));
                    self.names.insert(name.to_owned());
                }
                (None, None) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Findings, SourceId};
    use crate::yaml;

    fn used(manifest: &str) -> Used {
        let (limits, mut findings) = (Limits::default(), Findings::default());
        let node = yaml::read(manifest, SourceId(0), &limits, &mut findings).expect("it is YAML");
        let mut used = Used::default();
        used.read(&node, &limits);
        used
    }

    #[test]
    fn what_templates_and_conditions_name_is_kept() {
        let used = used(
            "export: {to: \"{{ barcode }}\"}\n\
             subjects: {p: {updated: changed, id: \"{{ ean }}\", select: {where: stock > 0}}}\n\
             shots: [{where: price > 20, prompt: \"{{ subject.colour }} of {{ mia.hair | upper }}\"}]",
        );
        for name in ["barcode", "changed", "price", "colour", "hair", "title", "sku"] {
            assert!(used.stays(name) && used.has(name), "{name}");
        }
        for name in ["ean", "stock"] {
            assert!(used.has(name) && !used.stays(name), "{name}");
        }
        assert!(!used.has("body_html"));
    }

    #[test]
    fn a_subject_taken_as_a_whole_keeps_everything() {
        assert!(used("prompt: \"{{ subject[which] }}\"").has("body_html"));
        assert!(used("{with: {mia: [a.b]}, prompt: \"{{ mia | items }}\"}").has("body_html"));
        assert!(!used("{with: {mia: [a.b]}, prompt: \"{{ mia.hair }}\"}").has("body_html"));
    }
}
