//! A tree against a JSON Schema, as far as schemars writes it: every problem is reported at its
//! place, and what does not fit is taken out, so that the rest can still be read and checked.

use serde_json::{Map, Value as Json};

use super::node::{Node, Value};
use crate::diagnostic::{Finding, Findings, Place, nearest};

/// What to do about a value that does not fit, where a schema says it itself.
const ADVICE: &str = "x-help";

/// The codes under which a room reports what its schema refuses.
#[derive(Debug)]
pub struct Codes {
    /// A key that has no meaning.
    pub unknown_key: &'static str,
    /// A key that must be there.
    pub missing_key: &'static str,
    /// A value of the wrong type.
    pub wrong_type: &'static str,
    /// A value that is not one of a list.
    pub unknown_value: &'static str,
    /// A number beyond its bounds, a list too short, text of the wrong form.
    pub wrong_value: &'static str,
    /// Forms of values that the room itself can judge, by the `format` in its schema.
    pub forms: &'static [CustomForm],
}

/// A form of values that a room judges by itself.
#[derive(Debug)]
pub struct CustomForm {
    /// As the schema's `format` names it.
    pub name: &'static str,
    /// Everything that is wrong with a value, in words, each at its place.
    pub check: fn(&Node) -> Vec<(Place, String)>,
}

/// Checks a tree and takes out what does not fit: unknown keys, optional values that are wrong,
/// list entries that are wrong. False when what is left can't be decoded at all.
pub fn check(node: &mut Node, schema: &Json, codes: &Codes, findings: &mut Findings) -> bool {
    Checker { root: schema, codes, findings }.node(schema, node, "the file")
}

struct Checker<'s, 'f> {
    root: &'s Json,
    codes: &'s Codes,
    findings: &'f mut Findings,
}

impl<'s> Checker<'s, '_> {
    /// `what` names the value in messages: `` `takes` ``, `` an entry of `shots` ``.
    fn node(&mut self, schema: &'s Json, node: &mut Node, what: &str) -> bool {
        let branches = self.branches(schema);
        if branches.is_empty() {
            // `true`: anything fits.
            return true;
        }
        if let Some(sound) = self.custom(&branches, node, what) {
            return sound;
        }
        if let [only] = branches[..] {
            return self.single(only, node, what);
        }
        let fitting: Vec<_> = branches.iter().copied().filter(|b| accepts(b, node)).collect();
        match (&fitting[..], &node.value) {
            ([], _) => self.wrong_type(node, what, &branches),
            ([only], _) => self.single(only, node, what),
            (several, Value::Map(_)) => self.tagged(several, node, what),
            (several, _) => self.any_scalar(several, node, what),
        }
    }

    /// Lets the room judge a value whose form is its own.
    fn custom(
        &mut self,
        branches: &[&'s Map<String, Json>],
        node: &Node,
        what: &str,
    ) -> Option<bool> {
        let name = |b: &&'s Map<String, Json>| b.get("format")?.as_str();
        let forms = self.codes.forms;
        let form = branches.iter().find_map(|b| forms.iter().find(|f| Some(f.name) == name(b)))?;
        if matches!(node.value, Value::Null) && branches.iter().any(|b| accepts(b, node)) {
            return Some(true);
        }
        let problems = (form.check)(node);
        let sound = problems.is_empty();
        for (place, why) in problems {
            let finding = Finding::error(self.codes.wrong_value, format!("{what}: {why}"));
            self.findings.push(finding.at(place, "here"));
        }
        Some(sound)
    }

    /// The alternatives that a schema allows, references and nested alternatives resolved.
    fn branches(&self, schema: &'s Json) -> Vec<&'s Map<String, Json>> {
        let Json::Object(object) = schema else { return Vec::new() };
        let listed = ["anyOf", "oneOf"].iter().find_map(|k| object.get(*k)?.as_array());
        if let Some(list) = listed {
            return list.iter().flat_map(|s| self.branches(s)).collect();
        }
        match object.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => {
                self.root.pointer(pointer).map(|s| self.branches(s)).unwrap_or_default()
            }
            None => vec![object],
        }
    }

    fn single(&mut self, schema: &'s Map<String, Json>, node: &mut Node, what: &str) -> bool {
        if !accepts(schema, node) {
            return self.wrong_type(node, what, &[schema]);
        }
        match &mut node.value {
            Value::Null => true,
            Value::Scalar(_) => self.any_scalar(&[schema], node, what),
            Value::List(items) => {
                let before = items.len();
                if let Some(item_schema) = schema.get("items") {
                    let item = format!("an entry of {what}");
                    items.retain_mut(|node| self.node(item_schema, node, &item));
                }
                let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
                if (before as u64) < least {
                    self.findings.push(
                        Finding::error(self.codes.wrong_value, format!("{what} is empty"))
                            .at(node.place, "at least one entry is needed"),
                    );
                    return false;
                }
                items.len() == before || !items.is_empty()
            }
            Value::Map(_) => self.object(schema, node, what),
        }
    }

    fn object(&mut self, schema: &'s Map<String, Json>, node: &mut Node, what: &str) -> bool {
        let properties = schema.get("properties").and_then(Json::as_object);
        let known: Vec<&str> =
            properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let additional = schema.get("additionalProperties");
        let place = node.place;
        let Value::Map(entries) = &mut node.value else { return true };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Json::as_array)
            .map(|list| list.iter().filter_map(Json::as_str).collect())
            .unwrap_or_default();
        let missing: Vec<&str> = required
            .iter()
            .copied()
            .filter(|name| !entries.iter().any(|e| e.key.text() == Some(name)))
            .collect();
        let mut mistyped = Vec::new();
        entries.retain_mut(|entry| {
            let name = entry.key.text().unwrap_or_default().to_owned();
            let property = properties.and_then(|p| p.get(&name));
            match property.or(additional.filter(|a| a.is_object())) {
                Some(schema) => self.node(schema, &mut entry.value, &format!("`{name}`")),
                None if additional == Some(&Json::Bool(false)) => {
                    mistyped.extend(self.unknown_key(&entry.key, &name, &known, &missing));
                    false
                }
                None => true,
            }
        });
        for name in &missing {
            if !mistyped.contains(name) {
                self.findings.push(
                    Finding::error(self.codes.missing_key, format!("{what} has no `{name}`"))
                        .at(place, format!("`{name}` is missing here"))
                        .help(self.describe(properties.and_then(|p| p.get(*name)), name)),
                );
            }
        }
        required.iter().all(|name| entries.iter().any(|e| e.key.text() == Some(name)))
    }

    /// Reports a key without meaning, and gives the missing key that was probably meant.
    fn unknown_key(
        &mut self,
        key: &Node,
        name: &str,
        known: &[&'s str],
        missing: &[&'s str],
    ) -> Option<&'s str> {
        let meant = nearest(name, known.iter().copied());
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "no key is known here".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        self.findings.push(
            Finding::error(self.codes.unknown_key, format!("the key `{name}` is not known"))
                .at(key.place, "this key")
                .help(help),
        );
        meant.filter(|m| missing.contains(m))
    }

    fn describe(&self, schema: Option<&'s Json>, name: &str) -> String {
        let text = |s: &Json| s.get("description").and_then(Json::as_str).map(str::to_owned);
        if let Some(constant) = schema.and_then(|s| s.get("const")) {
            return format!("write `{name}: {}`", plain_text(constant));
        }
        let said = schema.and_then(|s| {
            text(s).or_else(|| {
                let pointer = s.get("$ref")?.as_str()?.strip_prefix('#')?;
                text(self.root.pointer(pointer)?)
            })
        });
        match said.and_then(|d| d.split("\n\n").next().map(|s| s.replace('\n', " "))) {
            Some(meaning) => format!("write `{name}: …`; {}", lower_first(&meaning)),
            None => format!("write `{name}: …`"),
        }
    }

    /// Alternatives that are all mappings: the one whose required key is there.
    fn tagged(&mut self, branches: &[&'s Map<String, Json>], node: &mut Node, what: &str) -> bool {
        let tag = |b: &'s Map<String, Json>| b.get("required")?.get(0)?.as_str();
        let tags: Vec<&str> = branches.iter().filter_map(|b| tag(b)).collect();
        let chosen = branches.iter().find(|b| tag(b).is_some_and(|t| node.get(t).is_some()));
        if let Some(branch) = chosen {
            return self.object(branch, node, what);
        }
        let (place, written) = match node.entries().first() {
            Some(entry) => (entry.key.place, entry.key.text().unwrap_or_default()),
            None => (node.place, ""),
        };
        let help = match nearest(written, tags.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write one of: {}", tags.join(", ")),
        };
        self.findings.push(
            Finding::error(
                self.codes.missing_key,
                format!("{what} needs one of the keys {}", quoted(&tags)),
            )
            .at(place, "none of them is here")
            .help(help),
        );
        false
    }

    /// A scalar that may be any of several things; fine if it is one of them.
    fn any_scalar(
        &mut self,
        branches: &[&'s Map<String, Json>],
        node: &mut Node,
        what: &str,
    ) -> bool {
        let Value::Scalar(scalar) = &node.value else { return true };
        let mut choices: Vec<String> = Vec::new();
        let mut refusal = None;
        for branch in branches {
            let listed = branch.get("enum").and_then(Json::as_array);
            let allowed = branch.get("const").into_iter().chain(listed.into_iter().flatten());
            let allowed: Vec<String> = allowed.map(plain_text).collect();
            if allowed.contains(&scalar.text.to_string()) {
                return true;
            }
            if !allowed.is_empty() {
                choices.extend(allowed);
                continue;
            }
            match super::form::fits(branch, scalar) {
                Ok(()) => return true,
                Err(problem) => refusal = Some(problem),
            }
        }
        let text = &*scalar.text;
        let advice = branches.iter().find_map(|b| b.get(ADVICE)?.as_str()).map(str::to_owned);
        let finding = match refusal {
            None => {
                let help = match nearest(text, choices.iter().map(String::as_str)) {
                    Some(meant) if choices.len() > 1 => format!("did you mean `{meant}`?"),
                    _ if choices.len() == 1 => format!("write {}", choices[0]),
                    _ => format!("write one of: {}", choices.join(", ")),
                };
                let help = advice.unwrap_or(help);
                let label = if choices.len() == 1 { "not this" } else { "not one of them" };
                Finding::error(
                    self.codes.unknown_value,
                    format!("{what} can't be `{}`", shortened(text)),
                )
                .at(node.place, label)
                .help(help)
            }
            Some((mistype, needed)) => {
                let code = if mistype { self.codes.wrong_type } else { self.codes.wrong_value };
                let finding = Finding::error(code, format!("{what} must be {needed}"))
                    .at(node.place, format!("`{}` is not", shortened(text)));
                // Advice is about what is too little or of another form, not about too much.
                let too_large = branches.iter().any(|b| reaches_minimum(b, text));
                match advice.filter(|_| !mistype && !too_large) {
                    Some(advice) => finding.help(advice),
                    None => finding,
                }
            }
        };
        self.findings.push(finding);
        false
    }

    fn wrong_type(&mut self, node: &Node, what: &str, branches: &[&'s Map<String, Json>]) -> bool {
        let mut wanted: Vec<&str> = Vec::new();
        for name in branches.iter().flat_map(|b| types(b)).filter(|t| *t != "null") {
            let words = in_words(name);
            if !wanted.contains(&words) {
                wanted.push(words);
            }
        }
        if wanted.contains(&"text") {
            // Whatever a bare number or truth value is, it is one piece of text.
            wanted.retain(|w| !["a number", "a whole number", "true or false"].contains(w));
        }
        let (text, list) = (wanted.contains(&"text"), wanted.contains(&"a list"));
        let (is, help) = match &node.value {
            Value::Null => ("nothing is written here", "write a value, or remove the key"),
            Value::Scalar(_) if list => {
                ("this is a single value", "write it as a list: `[one, two]`")
            }
            Value::Scalar(_) => ("this is a single value", ""),
            Value::List(_) => ("this is a list", ""),
            Value::Map(_) if list && !text => {
                ("this is a mapping", "start each entry with `- `, one level deeper")
            }
            Value::Map(_) if text => (
                "this is a mapping",
                "text that starts with `{` or contains `: ` must be in quotes",
            ),
            Value::Map(_) => ("this is a mapping", ""),
        };
        let wanted =
            if wanted.is_empty() { "something else".to_owned() } else { wanted.join(" or ") };
        let mut finding = Finding::error(self.codes.wrong_type, format!("{what} must be {wanted}"))
            .at(node.place, is);
        if !help.is_empty() {
            finding = finding.help(help);
        }
        self.findings.push(finding);
        false
    }
}

/// Whether a text is a number that is not below a schema's minimum.
fn reaches_minimum(schema: &Map<String, Json>, text: &str) -> bool {
    let least = schema.get("minimum").and_then(Json::as_f64);
    least.zip(text.parse::<f64>().ok()).is_some_and(|(least, number)| number >= least)
}

fn types(schema: &Map<String, Json>) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).collect(),
        _ if schema.contains_key("const") || schema.contains_key("enum") => vec!["string"],
        _ if schema.contains_key("properties") => vec!["object"],
        _ => Vec::new(),
    }
}

/// Whether a node's shape fits; the text of a scalar is looked at later.
fn accepts(schema: &Map<String, Json>, node: &Node) -> bool {
    let types = types(schema);
    types.is_empty()
        || match node.value {
            Value::Null => types.contains(&"null"),
            Value::Scalar(_) => {
                types.iter().any(|t| ["string", "number", "integer", "boolean"].contains(t))
            }
            Value::List(_) => types.contains(&"array"),
            Value::Map(_) => types.contains(&"object"),
        }
}

fn in_words(name: &str) -> &'static str {
    match name {
        "string" => "text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a mapping (`key: value`)",
    }
}

/// A constant of a schema as people write it.
fn plain_text(constant: &Json) -> String {
    constant.as_str().map_or_else(|| constant.to_string(), str::to_owned)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim().trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// A text short enough for a message.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
