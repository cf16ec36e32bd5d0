//! Which names a template may use, checked before any row is filled in.
//!
//! What never lives here: values; planning fills templates in.

use std::collections::BTreeMap;

use super::catalogue::SubjectSet;
use crate::diagnostic::{Finding, Findings, Sources, nearest};
use crate::limits::Limits;
use crate::template::{Engine, TemplateError, TemplateErrorKind, find_variable};
use crate::yaml::Text;

/// What a template is for, which decides what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// An id of a row: its columns.
    Id,
    /// A path of a subject's picture: its attributes and its id.
    Picture,
    /// A prompt: the above, the shot, the variant, the take, further subjects.
    Prompt,
    /// A clip's path: the above and the job.
    Out,
    /// A text about a finished clip of a subject, for a shop: the above and the clip's file.
    Export,
    /// A condition over a subject.
    Condition,
}

/// The names that a template may use.
pub(super) struct Scope<'a> {
    pub purpose: Use,
    /// The sets whose subjects it is filled in for; a name must be known in all of them.
    pub sets: Vec<&'a SubjectSet>,
    /// Further subjects: alias, and the sets they are from.
    pub with: Vec<(&'a str, Vec<&'a SubjectSet>)>,
    /// Axes of the matrix.
    pub axes: Vec<&'a str>,
    /// Whether the shot is for a channel.
    pub channel: bool,
    pub env: &'a BTreeMap<String, String>,
}

/// What every variant has, whether or not it is an axis.
const SETTINGS: [&str; 4] = ["aspect", "duration", "model", "resolution"];
/// What is known of a shot's channel.
const CHANNEL: [&str; 6] = ["name", "title", "safe_top", "safe_bottom", "safe_left", "safe_right"];
const SUBJECT: [&str; 5] = ["id", "kind", "references", "set", "tags"];
/// What the engine itself defines.
const BUILT_IN: [&str; 5] = ["range", "dict", "namespace", "debug", "loop"];

/// Checks a template or condition: its syntax, and every name it uses.
pub(super) fn check(
    text: &Text,
    scope: &Scope<'_>,
    limits: &Limits,
    sources: &Sources,
    findings: &mut Findings,
) -> bool {
    let engine = Engine::new(limits);
    let compiled = match scope.purpose {
        Use::Condition => engine.expression(text).map(|c| c.undeclared()),
        _ => engine.template(text).map(|t| t.undeclared()),
    };
    let names = match compiled {
        Ok(names) => names,
        Err(error) => {
            findings.push(syntax_error(text, &error, sources));
            return false;
        }
    };
    let mut fine = true;
    for name in &names {
        if let Err((message, help)) = scope.knows(name) {
            let range = find_variable(text, name).unwrap_or(0..text.len());
            let mut finding = Finding::error("template::undefined", message)
                .at(text.part(range, sources), "not defined");
            if let Some(help) = help {
                finding = finding.help(help);
            }
            findings.push(finding);
            fine = false;
        }
    }
    fine
}

/// A template that can't be compiled, at its place.
fn syntax_error(text: &Text, error: &TemplateError, sources: &Sources) -> Finding {
    let range = error.range.clone().filter(|r| r.start < text.len().max(1));
    let place = range.map_or(text.place, |range| text.part(range, sources));
    let code = match error.kind {
        TemplateErrorKind::Syntax => "template::syntax",
        _ => "template::error",
    };
    Finding::error(code, format!("the template can't be read: {}", error.message))
        .at(place, "here")
        .help("values are written as {{ name }}, logic as {% if name %} … {% endif %}")
}

/// A message, and what to do.
type Unknown = (String, Option<String>);

impl Scope<'_> {
    fn knows(&self, path: &str) -> Result<(), Unknown> {
        let mut parts = path.split('.');
        let head = parts.next().unwrap_or_default();
        let next = parts.next();
        let about_job = matches!(self.purpose, Use::Prompt | Use::Out | Use::Export);
        match (head, next) {
            ("subject", next) if self.purpose != Use::Id => self.subject(next),
            ("env", Some(name)) => self.environment(name),
            ("env", None) => Ok(()),
            ("shot", next) if about_job => one_of("shot", next, &["id"]),
            ("variant", next) if about_job => self.variant(next),
            ("take", _) if about_job => Ok(()),
            ("channel", _) if about_job && !self.channel && !self.has_attribute(head) => Err((
                "`channel` is not defined: the shot has none".to_owned(),
                Some("write `channel:` with the name of one; `kinora channels` lists them".into()),
            )),
            ("channel", next) if about_job && self.channel => one_of("channel", next, &CHANNEL),
            ("job", next) if self.purpose == Use::Out => one_of("job", next, &["short", "address"]),
            ("file", None) if self.purpose == Use::Export => Ok(()),
            ("clip", next) if self.purpose == Use::Export => {
                one_of("clip", next, &["name", "digest"])
            }
            ("job", next) if matches!(self.purpose, Use::Out | Use::Export) => {
                one_of("job", next, &["short", "address"])
            }
            ("job", _) if self.purpose == Use::Prompt => {
                Err(("`job` can only be used in `out:`".to_owned(), None))
            }
            ("id" | "kind" | "tags", _) if self.purpose == Use::Condition => Ok(()),
            ("tags", _) if about_job && !self.sets.is_empty() => Ok(()),
            (head, _) if BUILT_IN.contains(&head) => Ok(()),
            (head, next) => match self.with.iter().find(|(alias, _)| *alias == head) {
                Some((alias, sets)) => match next {
                    Some(name) => attribute(name, sets, Some(alias)),
                    None => Ok(()),
                },
                None => self.attribute(head),
            },
        }
    }

    fn has_attribute(&self, name: &str) -> bool {
        self.sets.iter().any(|set| set.columns.position(name).is_some())
    }

    fn attribute(&self, name: &str) -> Result<(), Unknown> {
        if self.sets.is_empty() {
            let help = match self.purpose {
                Use::Prompt | Use::Out | Use::Export if SETTINGS.contains(&name) => {
                    format!("write `variant.{name}`")
                }
                _ if self.axes.contains(&name) => format!("write `variant.{name}`"),
                _ if name == "id" => "write `shot.id`".to_owned(),
                _ => match nearest(name, self.top_level()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "attributes are those of the subjects that `for:` names".to_owned(),
                },
            };
            let what = match self.purpose {
                Use::Picture => "a shot's own picture is the same for every subject",
                Use::Export => "no set is of kind `product`",
                _ => "the shot has no subject",
            };
            return Err((format!("`{name}` is not defined: {what}"), Some(help)));
        }
        let known = attribute(name, &self.sets, None);
        known.map_err(|(message, help)| {
            let written = |prefix: &str| Some(format!("write `{prefix}.{name}`"));
            let better = match self.purpose {
                Use::Prompt | Use::Out | Use::Export if self.axes.contains(&name) => {
                    written("variant")
                }
                Use::Prompt | Use::Out | Use::Export if SETTINGS.contains(&name) => {
                    written("variant")
                }
                Use::Id => None,
                _ if SUBJECT.contains(&name) => written("subject"),
                _ => nearest(name, self.top_level())
                    .filter(|n| *n != name)
                    .map(|n| format!("did you mean `{n}`?")),
            };
            (message, better.or(help))
        })
    }

    fn top_level(&self) -> impl Iterator<Item = &str> {
        let rest: &[&str] = match self.purpose {
            Use::Prompt => &["subject", "shot", "variant", "take", "env"],
            Use::Out => &["subject", "shot", "variant", "take", "job", "env"],
            Use::Export => &["subject", "shot", "variant", "take", "job", "env", "file", "clip"],
            Use::Condition => &["id", "kind", "tags", "subject"],
            Use::Picture => &["subject", "env"],
            Use::Id => &["env"],
        };
        let aliases = self.with.iter().map(|(alias, _)| *alias);
        let columns = self.sets.iter().flat_map(|s| s.columns.known());
        rest.iter().copied().chain(aliases).chain(columns)
    }

    fn subject(&self, next: Option<&str>) -> Result<(), Unknown> {
        if self.sets.is_empty() {
            let message = match self.purpose {
                Use::Picture => "a shot's own picture is the same for every subject",
                _ => "the shot has no subject: `for:` names none",
            };
            return Err((message.to_owned(), None));
        }
        match next {
            None => Ok(()),
            Some("id") => Ok(()),
            Some(name) if self.purpose != Use::Picture && SUBJECT.contains(&name) => Ok(()),
            Some(name) => attribute(name, &self.sets, Some("subject")),
        }
    }

    fn variant(&self, next: Option<&str>) -> Result<(), Unknown> {
        let Some(name) = next else { return Ok(()) };
        if self.axes.contains(&name) || SETTINGS.contains(&name) {
            return Ok(());
        }
        let known = || self.axes.iter().copied().chain(SETTINGS);
        let help = match nearest(name, known()) {
            Some(meant) => format!("did you mean `variant.{meant}`?"),
            None => format!("add the axis: `matrix: {{{name}: [one, two]}}`"),
        };
        Err((format!("`variant.{name}` is no axis of this shot"), Some(help)))
    }

    fn environment(&self, name: &str) -> Result<(), Unknown> {
        if self.env.contains_key(name) {
            return Ok(());
        }
        let help = match nearest(name, self.env.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean `env.{meant}`?"),
            None => format!("list it in the root manifest: `allow: {{env: [{name}]}}`"),
        };
        Err((format!("the environment variable `{name}` is not allowed"), Some(help)))
    }
}

fn one_of(head: &str, next: Option<&str>, known: &[&str]) -> Result<(), Unknown> {
    match next {
        Some(name) if !known.contains(&name) => {
            let all: Vec<String> = known.iter().map(|k| format!("`{head}.{k}`")).collect();
            Err((
                format!("`{head}.{name}` is not defined"),
                Some(format!("known: {}", all.join(", "))),
            ))
        }
        _ => Ok(()),
    }
}

/// Whether `name` is an attribute in every set; `under` is how the template calls the subject.
fn attribute(name: &str, sets: &[&SubjectSet], under: Option<&str>) -> Result<(), Unknown> {
    if under.is_some() && SUBJECT.contains(&name) {
        return Ok(());
    }
    let Some(lacking) = sets.iter().find(|s| s.columns.position(name).is_none()) else {
        return Ok(());
    };
    let shown = under.map_or_else(|| name.to_owned(), |u| format!("{u}.{name}"));
    let prefix = under.map_or_else(String::new, |u| format!("{u}."));
    let help = match nearest(name, lacking.columns.known()) {
        Some(meant) => Some(format!("did you mean `{prefix}{meant}`?")),
        None => {
            let names: Vec<&str> = lacking.columns.known().take(20).collect();
            match names[..] {
                [] => Some(format!("`{}` has no attributes", lacking.name)),
                _ => Some(format!("attributes of `{}`: {}", lacking.name, names.join(", "))),
            }
        }
    };
    Err((format!("`{shown}` is not defined: `{}` has no such attribute", lacking.name), help))
}
