//! Text → tree: events of the parser become nodes, aliases are expanded within limits, and
//! every key that stands twice is reported.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::granit_parser as granit;

use granit::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle};

use super::node::{Entry, Node, Scalar, Value};
use super::syntax;
use crate::diagnostic::{Finding, Findings, Place, SourceId};
use crate::limits::Limits;

/// No limit raises the depth beyond this: the tree is walked by recursion.
const DEEPEST: u64 = 200;

/// Reads one document. `None` when the text does not parse; an empty one is [`Value::Null`].
pub fn read(
    text: &str,
    source: SourceId,
    limits: &Limits,
    findings: &mut Findings,
) -> Option<Node> {
    let depth = limits.yaml_depth.min(DEEPEST);
    let nesting = usize::try_from(depth).unwrap_or(usize::MAX).saturating_add(1);
    let mut options = granit::options! {
        flow_nesting_limit: nesting,
        block_nesting_limit: nesting,
        emit_unresolved_aliases: true,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        text,
        source,
        depth_limit: depth,
        nodes_limit: limits.yaml_nodes,
        nodes: 0,
        anchors: HashMap::new(),
        findings,
    };
    reader.document().ok()
}

/// The problem was reported; there is nothing more to read.
struct Stop;

struct Reader<'t, 'f> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    source: SourceId,
    depth_limit: u64,
    nodes_limit: u64,
    nodes: u64,
    /// Finished anchors; one that is still open is absent, so that it can't contain itself.
    anchors: HashMap<usize, Anchor>,
    findings: &'f mut Findings,
}

struct Anchor {
    node: Arc<Node>,
    weight: u64,
    depth: u64,
}

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let finding = if matches!(error.kind(), granit::ErrorKind::RecursionLimitExceeded) {
                    let at = error.marker().byte_offset().unwrap_or(0) as u64;
                    self.too_deep(Place::new(self.source, at, 1))
                } else {
                    syntax::explain(&error, self.text, self.source)
                };
                self.findings.push(finding);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, Span::empty(granit::Marker::new(0, 1, 0)))),
        }
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => {
                    return Ok(Node { place: Place::new(self.source, 0, 0), value: Value::Null });
                }
                Event::StreamStart | Event::DocumentStart(..) => {}
                first => {
                    let node = self.node(first, span, 0)?;
                    self.nothing_follows()?;
                    return Ok(node);
                }
            }
        }
    }

    fn nothing_follows(&mut self) -> Result<(), Stop> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(..) => {
                    self.findings.push(
                        Finding::error("yaml::documents", "there is more than one document")
                            .at(self.place(&span), "a second document starts here")
                            .help("put it in a file of its own, without the `---` line"),
                    );
                    return Err(Stop);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: u64) -> Result<Node, Stop> {
        self.count(1, &span)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &span);
                let node = self.scalar(&text, style, &span);
                self.remember(anchor, &node, &span)?;
                Ok(node)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &span);
                self.check_depth(depth + 1, &span)?;
                let node = self.list(style, &span, depth + 1)?;
                self.remember(anchor, &node, &span)?;
                Ok(node)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &span);
                self.check_depth(depth + 1, &span)?;
                let node = self.map(style, &span, depth + 1)?;
                self.remember(anchor, &node, &span)?;
                Ok(node)
            }
            Event::Alias(id) => self.alias(id, &span, depth),
            Event::UnresolvedAlias(name) => {
                self.findings.push(
                    Finding::error("yaml::unknown_alias", format!("there is no anchor `&{name}`"))
                        .at(self.place(&span), "this refers to nothing")
                        .help(format!(
                            "write `&{name}` before the value that is meant, further up; text that \
                             starts with `*` must be in quotes"
                        )),
                );
                Ok(Node { place: self.place(&span), value: Value::Null })
            }
            _ => Ok(Node { place: self.place(&span), value: Value::Null }),
        }
    }

    fn list(&mut self, style: StructureStyle, start: &Span, depth: u64) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let place = match (style, items.first()) {
                    (StructureStyle::Block, Some(first)) => first.place,
                    _ => self.flow_place(start, &span),
                };
                return Ok(Node { place, value: Value::List(items) });
            }
            items.push(self.node(event, span, depth)?);
        }
    }

    fn map(&mut self, style: StructureStyle, start: &Span, depth: u64) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        let mut merged = Vec::new();
        let mut is_text = false;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let place = match (style, entries.first()) {
                    (StructureStyle::Block, Some(first)) => first.key.place,
                    _ => self.flow_place(start, &span),
                };
                if is_text {
                    return Ok(self.as_text(place));
                }
                merge_into(&mut entries, merged);
                return Ok(Node { place, value: Value::Map(entries) });
            }
            let key = self.node(event, span, depth)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth)?;
            let Some(key) = self.text_key(key) else {
                is_text = style == StructureStyle::Flow;
                continue;
            };
            if matches!(value.value, Value::Null) && value.place.length == 0 {
                // A blank value has no bytes to point at; its key has.
                value.place = key.place;
            }
            let name: Arc<str> = Arc::from(key.text().unwrap_or_default());
            if &*name == "<<" {
                self.merge_sources(value, &mut merged);
            } else if let Some(first) = seen.get(&name) {
                self.findings.push(
                    Finding::error("yaml::duplicate_key", format!("the key `{name}` stands twice"))
                        .at(key.place, "again here")
                        .also(*first, "first here")
                        .help("keep one of them; nothing says which is meant"),
                );
            } else {
                seen.insert(name, key.place);
                entries.push(Entry { key, value });
            }
        }
    }

    /// A key as a scalar; anything else is reported. `{{ sku }}` without quotes is, for YAML, a
    /// mapping with a mapping as key, so that is what the help speaks of.
    fn text_key(&mut self, key: Node) -> Option<Node> {
        match &key.value {
            Value::Scalar(_) => Some(key),
            Value::Null => {
                let scalar = Scalar { text: Arc::from("~"), plain: true, literal: false };
                Some(Node { place: key.place, value: Value::Scalar(scalar) })
            }
            Value::List(_) | Value::Map(_) => {
                self.findings.push(
                    Finding::error("yaml::key", "a key must be text")
                        .at(key.place, "this is no text")
                        .help(
                            "text that starts with `{` or `[` must be in quotes, for instance \
                             \"{{ sku }}\"",
                        ),
                );
                None
            }
        }
    }

    /// What was meant by a mapping that is none: its own text. With this the rest of the file
    /// is checked as if the quotes were there.
    fn as_text(&self, place: Place) -> Node {
        let text = Arc::from(self.written(place));
        Node { place, value: Value::Scalar(Scalar { text, plain: true, literal: true }) }
    }

    fn merge_sources(&mut self, value: Node, merged: &mut Vec<Entry>) {
        let place = value.place;
        match value.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(items) if items.iter().all(|n| matches!(n.value, Value::Map(_))) => {
                for item in items {
                    if let Value::Map(entries) = item.value {
                        merged.extend(entries);
                    }
                }
            }
            _ => self.findings.push(
                Finding::error("yaml::merge", "`<<` takes a mapping, or a list of mappings")
                    .at(place, "this is neither")
                    .help("for instance `<<: *defaults`"),
            ),
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: &Span) -> Node {
        let mut place = self.place(span);
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Node { place, value: Value::Null };
        }
        let written = self.written(place);
        if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
            && written.len() == text.len() + 2
            && written.get(1..written.len() - 1) == Some(text)
        {
            place = place.part(1, place.length - 2);
        }
        let literal = self.written(place) == text;
        let scalar = Scalar { text: Arc::from(text), plain, literal };
        Node { place, value: Value::Scalar(scalar) }
    }

    fn alias(&mut self, id: usize, span: &Span, depth: u64) -> Result<Node, Stop> {
        let Some(anchor) = self.anchors.get(&id) else {
            self.findings.push(
                Finding::error("yaml::recursive_alias", "a value can't contain itself")
                    .at(self.place(span), "this alias stands inside its own anchor"),
            );
            return Err(Stop);
        };
        let (node, weight, levels) = (Arc::clone(&anchor.node), anchor.weight, anchor.depth);
        self.count(weight, span)?;
        self.check_depth(depth + levels, span)?;
        Ok(Node::clone(&node))
    }

    fn remember(&mut self, anchor: usize, node: &Node, span: &Span) -> Result<(), Stop> {
        if anchor != 0 {
            let (weight, depth) = (node.weight(), node.depth());
            // A remembered value is a second copy, and anchors may stand inside each other.
            self.count(weight, span)?;
            self.anchors.insert(anchor, Anchor { node: Arc::new(node.clone()), weight, depth });
        }
        Ok(())
    }

    fn count(&mut self, nodes: u64, span: &Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= self.nodes_limit {
            return Ok(());
        }
        self.findings.push(
            Finding::error(
                "yaml::limit",
                format!("there are more than {} values, aliases expanded", self.nodes_limit),
            )
            .at(self.place(span), "the limit is passed here")
            .help(Limits::how_to_raise("yaml_nodes")),
        );
        Err(Stop)
    }

    fn check_depth(&mut self, depth: u64, span: &Span) -> Result<(), Stop> {
        if depth <= self.depth_limit {
            return Ok(());
        }
        let finding = self.too_deep(self.place(span));
        self.findings.push(finding);
        Err(Stop)
    }

    fn too_deep(&self, place: Place) -> Finding {
        let help = if self.depth_limit == DEEPEST {
            format!("{DEEPEST} levels are the most that can be read")
        } else {
            Limits::how_to_raise("yaml_depth")
        };
        Finding::error(
            "yaml::limit",
            format!("values are nested more than {} levels deep", self.depth_limit),
        )
        .at(place, "the limit is passed here")
        .help(help)
    }

    /// Tags of YAML's own schema change nothing, as every value keeps its text; others would
    /// promise something that no reader keeps.
    fn refuse_tag(&mut self, tag: Option<&granit::Tag>, span: &Span) {
        let Some(tag) = tag.filter(|t| !t.is_yaml_core_schema()) else { return };
        let place = span.tag_span().map_or_else(|| self.place(span), |s| self.place(&s));
        self.findings.push(
            Finding::error(
                "yaml::tag",
                format!("the tag `{}` has no meaning here", tag.original()),
            )
            .at(place, "not understood")
            .help("remove it; text that starts with `!` must be in quotes"),
        );
    }

    fn written(&self, place: Place) -> &'t str {
        let start = place.start as usize;
        self.text.get(start..start + place.length as usize).unwrap_or_default()
    }

    fn place(&self, span: &Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        let mut end = range.end.max(range.start);
        // The parser ends a block scalar after its last line break; people don't see that.
        let written = self.text.get(range.start..end).unwrap_or_default();
        end -= written.len() - written.trim_end().len();
        Place::new(
            self.source,
            range.start as u64,
            u32::try_from(end.saturating_sub(range.start)).unwrap_or(u32::MAX),
        )
    }

    fn flow_place(&self, start: &Span, end: &Span) -> Place {
        let from = self.place(start).start;
        let to = self.place(end);
        let to = to.start + u64::from(to.length);
        let length = u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        Place::new(self.source, from, length)
    }
}

/// YAML's merge: what stands in the mapping itself wins over what is merged in, and the first
/// merged mapping over the next.
fn merge_into(entries: &mut Vec<Entry>, merged: Vec<Entry>) {
    for entry in merged {
        let name = entry.key.text();
        if !entries.iter().any(|e| e.key.text() == name) {
            entries.push(entry);
        }
    }
}
