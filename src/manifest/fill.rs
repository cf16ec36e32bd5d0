//! Templates that are filled in at loading: ids of rows and paths of pictures.
//!
//! Nearly all of them only name columns (`images/{{ sku }}/front.jpg`); those are filled in
//! without the engine, as a feed has a hundred thousand rows.

use std::collections::BTreeMap;

use crate::feed::Columns;
use crate::template::{Compiled, Engine, TemplateError, TemplateErrorKind, TemplateValue};

/// A template ready to be filled in.
pub(super) enum Fill<'e, 's> {
    /// Text and columns only.
    Parts(Vec<Part>),
    /// Anything else.
    Compiled(Compiled<'e, 's>),
}

/// A part of a template without logic.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Column(usize),
    Id,
    Env(String),
}

/// What a template sees of one subject.
pub(super) struct View<'a> {
    pub columns: &'a Columns,
    pub cells: &'a [Option<&'a str>],
    /// Absent while the id itself is filled in.
    pub id: Option<&'a str>,
    pub env: &'a BTreeMap<String, String>,
}

impl<'e, 's> Fill<'e, 's> {
    pub fn new(
        engine: &'e Engine<'s>,
        source: &'s str,
        columns: &Columns,
    ) -> Result<Self, TemplateError> {
        match parts(source, columns) {
            Some(parts) => Ok(Fill::Parts(parts)),
            None => engine.template(source).map(Fill::Compiled),
        }
    }

    /// The only column that it names, if it is nothing else.
    pub fn only_column(&self) -> Option<usize> {
        match self {
            Fill::Parts(parts) => match parts[..] {
                [Part::Column(column)] => Some(column),
                _ => None,
            },
            Fill::Compiled(_) => None,
        }
    }

    /// Fills it in; `escape` is applied to every value that comes from the subject.
    pub fn render(
        &self,
        view: &View<'_>,
        escape: fn(&str) -> String,
    ) -> Result<String, TemplateError> {
        match self {
            Fill::Parts(parts) => {
                let mut out = String::with_capacity(48);
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Column(column) => {
                            let cell = view.cells.get(*column).copied().flatten();
                            let name = || view.columns.names().nth(*column).unwrap_or_default();
                            out.push_str(&escape(cell.ok_or_else(|| undefined(name()))?));
                        }
                        Part::Id => {
                            out.push_str(&escape(view.id.ok_or_else(|| undefined("subject.id"))?));
                        }
                        Part::Env(name) => {
                            out.push_str(view.env.get(name).ok_or_else(|| undefined(name))?);
                        }
                    }
                }
                Ok(out)
            }
            Fill::Compiled(compiled) => compiled.render(context(view, escape)),
        }
    }
}

/// A value as it is.
pub(super) fn verbatim(text: &str) -> String {
    text.to_owned()
}

fn undefined(name: &str) -> TemplateError {
    TemplateError {
        kind: TemplateErrorKind::Undefined,
        message: format!("`{name}` is undefined"),
        range: None,
        help: None,
    }
}

fn context(view: &View<'_>, escape: fn(&str) -> String) -> TemplateValue {
    let cells = || {
        let named = view.columns.names().zip(view.cells.iter());
        named.filter_map(|(name, cell)| Some((name.to_owned(), escape((*cell)?).into())))
    };
    let id = view.id.map(|id| ("id".to_owned(), TemplateValue::from(escape(id))));
    let subject: BTreeMap<String, TemplateValue> = cells().chain(id).collect();
    let env: BTreeMap<String, TemplateValue> =
        view.env.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let mut all: BTreeMap<String, TemplateValue> = cells().collect();
    all.insert("subject".to_owned(), TemplateValue::from(subject));
    all.insert("env".to_owned(), TemplateValue::from(env));
    TemplateValue::from(all)
}

/// The parts of a template that has no logic; `None` for any other.
fn parts(source: &str, columns: &Columns) -> Option<Vec<Part>> {
    if source.contains("{%") || source.contains("{#") {
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some(open) = rest.find("{{") {
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        let close = rest[open..].find("}}")? + open;
        parts.push(part(rest[open + 2..close].trim(), columns)?);
        rest = &rest[close + 2..];
    }
    if rest.contains("}}") {
        return None;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some(parts)
}

fn part(name: &str, columns: &Columns) -> Option<Part> {
    if let Some(column) = columns.position(name) {
        return (!matches!(name, "subject" | "env")).then_some(Part::Column(column));
    }
    match name.split_once('.')? {
        ("subject", "id") => Some(Part::Id),
        ("subject", name) => columns.position(name).map(Part::Column),
        ("env", name) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
            Some(Part::Env(name.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::manifest::AttributeType;

    #[test]
    fn the_short_way_gives_what_the_engine_gives() {
        let columns = Columns::new(["sku", "title"].map(|n| (n.to_owned(), AttributeType::Auto)));
        let limits = Limits::default();
        let engine = Engine::new(&limits);
        let env = BTreeMap::from([("BASE".to_owned(), "cdn".to_owned())]);
        let cells = [Some("a1"), Some("Mug")];
        let view = View { columns: &columns, cells: &cells, id: Some("x"), env: &env };
        let sources = [
            "images/{{ sku }}/front.jpg",
            "{{env.BASE}}/{{ subject.title }}-{{subject.id}}.png",
            "no tags",
        ];
        for source in sources {
            let fast = Fill::new(&engine, source, &columns).expect("it parses");
            assert!(matches!(fast, Fill::Parts(_)));
            let slow = Fill::Compiled(engine.template(source).expect("it parses"));
            assert_eq!(fast.render(&view, verbatim), slow.render(&view, verbatim));
        }
        let slow = Fill::new(&engine, "{{ title | lower }}.png", &columns).expect("it parses");
        assert_eq!(slow.render(&view, verbatim).as_deref(), Ok("mug.png"));
    }
}
