//! Templates about finished clips: what they see, and filling them in.
//!
//! They see what `out` sees, and the clip: `file` (its path in the workspace), `clip.name`,
//! `clip.digest`. In a link, every value is written as a URL takes it, but for
//! those of the environment, which are parts of URLs as they are.

use std::sync::Arc;

use super::book::{Job, Line};
use crate::address::unescaped;
use crate::diagnostic::{Finding, Findings};
use crate::manifest::{Catalogue, SubjectRef, Template};
use crate::plan::{facts_of, template_error};
use crate::template::{Compiled, Engine, Object, TemplateError, TemplateValue as Value};

/// A template of the manifest, and what went wrong with it.
pub(super) struct Fill<'e, 's> {
    template: &'s Template,
    compiled: Result<Compiled<'e, 's>, TemplateError>,
    /// Whether values are parts of a URL.
    in_url: bool,
    failed: u64,
    first: Option<(String, TemplateError)>,
}

impl<'e, 's> Fill<'e, 's> {
    /// A text as it is.
    pub fn text(engine: &'e Engine<'s>, template: &'s Template) -> Self {
        let compiled = engine.template(&template.source);
        Fill { template, compiled, in_url: false, failed: 0, first: None }
    }

    /// A URL.
    pub fn link(engine: &'e Engine<'s>, template: &'s Template) -> Self {
        Fill { in_url: true, ..Self::text(engine, template) }
    }

    /// Fills it in for a job's clip; `None` where that fails, which is said in the end.
    pub fn of(&mut self, catalogue: &Arc<Catalogue>, line: &Line, job: &Job) -> Option<String> {
        let context = || {
            Value::from_object(Seen {
                catalogue: Arc::clone(catalogue),
                subject: line.subject,
                job: job.clone(),
                in_url: self.in_url,
            })
        };
        let filled = self.compiled.as_ref().map_err(Clone::clone);
        match filled.and_then(|compiled| compiled.render(context())) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) => {
                self.failed += 1;
                self.first.get_or_insert_with(|| (job.address.to_string(), error));
                None
            }
        }
    }

    /// Says what went wrong, once. Whether anything did.
    pub fn findings(self, findings: &mut Findings) -> bool {
        let Some((who, error)) = self.first else { return false };
        let mut finding: Finding = template_error(self.template, &error, "export::template");
        finding.message = match self.failed {
            1 => format!("{who}: {}", finding.message),
            n => format!("{who} and {} more: {}", n - 1, finding.message),
        };
        findings.push(finding);
        true
    }
}

/// What a template sees.
#[derive(Debug)]
struct Seen {
    catalogue: Arc<Catalogue>,
    subject: Option<SubjectRef>,
    job: Job,
    in_url: bool,
}

impl Seen {
    fn value(&self, value: Value) -> Value {
        match (self.in_url, value.as_str()) {
            (true, Some(text)) => Value::from(encoded(text, false)),
            _ => value,
        }
    }

    fn text(&self, text: &str) -> Value {
        self.value(Value::from(text))
    }

    fn fact(&self, key: &str) -> Option<Value> {
        let at = self.subject?;
        let set = &self.catalogue.sets[at.set as usize];
        facts_of(set, &set.subjects[at.subject as usize], key).map(|value| self.value(value))
    }
}

impl Object for Seen {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let part = |what| Some(Value::from_object(Part { of: Arc::clone(self), what }));
        let path = || self.job.clip.as_ref().map_or("", |clip| &clip.record.path);
        match key {
            "subject" => part(Which::Subject),
            "shot" => part(Which::Shot),
            "variant" => part(Which::Variant),
            "env" => part(Which::Env),
            "job" => part(Which::Job),
            "clip" => part(Which::Clip),
            "take" => Some(Value::from(self.job.take)),
            "file" if self.in_url => Some(Value::from(encoded(path(), true))),
            "file" => Some(Value::from(path())),
            // These are of a subject only under its own name.
            "id" | "kind" | "set" | "references" => self.attribute(key),
            _ => self.fact(key),
        }
    }
}

impl Seen {
    /// An attribute of the feed that is called like a fact.
    fn attribute(&self, key: &str) -> Option<Value> {
        let at = self.subject?;
        let set = &self.catalogue.sets[at.set as usize];
        let row = &set.subjects[at.subject as usize].row;
        row.get(set.columns.position(key)?).map(|text| self.text(text))
    }
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Subject,
    Shot,
    Variant,
    Env,
    Job,
    Clip,
}

#[derive(Debug)]
struct Part {
    of: Arc<Seen>,
    what: Which,
}

impl Object for Part {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (of, job) = (&self.of, &self.of.job);
        match (self.what, key) {
            (Which::Subject, _) => of.fact(key),
            (Which::Shot, "id") => Some(of.text(&job.shot)),
            (Which::Job, "short") => Some(Value::from(job.address.key().short())),
            (Which::Job, "address") => Some(of.text(job.address.as_str())),
            // Whoever sets it writes a part of the URL, `https://` perhaps.
            (Which::Env, _) => of.catalogue.env.get(key).map(|value| Value::from(&**value)),
            (Which::Clip, "name") => job.clip.as_ref().map(|clip| of.text(clip.name())),
            (Which::Clip, "digest") => {
                job.clip.as_ref().map(|clip| Value::from(clip.record.digest.to_string()))
            }
            (Which::Variant, _) => variant(job, key).map(|text| of.text(&text)),
            _ => None,
        }
    }
}

/// What a variant is called on one axis, or by its settings.
fn variant(job: &Job, key: &str) -> Option<String> {
    let axes = job.variant.iter().flat_map(|variant| variant.split(','));
    let axes = axes.filter_map(|axis| axis.split_once('='));
    let found = axes.map(|(name, value)| (unescaped(name), value)).find(|(name, _)| name == key);
    found.map(|(_, value)| unescaped(value)).or_else(|| match key {
        "model" => Some(job.model.clone()),
        "aspect" => Some(job.settings.aspect.clone()),
        "resolution" => Some(job.settings.resolution.clone()),
        "duration" => Some(job.settings.duration.normalize().to_string()),
        _ => None,
    })
}

/// A text as a part of a URL takes it; a path keeps its slashes.
fn encoded(text: &str, is_path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if is_path => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
