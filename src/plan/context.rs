//! What templates and conditions see: attributes, subjects, the shot, the variant.
//!
//! What lives here: objects that look values up in the catalogue when a template asks, so that
//! no job builds a map. What never does: templates themselves.
//!
//! In `out`, every value is one part of a file's name: `9:16` is `9-16` there, and a `/` in an id
//! makes no folder.
//!
//! Reserved names win over attributes of the same name, which stay reachable as
//! `subject.NAME`: `subject`, `shot`, `variant`, `take`, `env`, `job`, `tags`, then aliases of
//! further subjects, then attributes.

use std::sync::Arc;

use super::planner::ShotPlan;
use crate::address::{Address, JobKey};
use crate::manifest::{AttributeType, Catalogue, Subject, SubjectRef, SubjectSet};
use crate::template::{Object, TemplateValue as Value};

/// What the objects of one chunk look into. Each chunk has its own, so that threads don't pass
/// one reference count back and forth.
#[derive(Debug)]
pub(super) struct Scope {
    pub catalogue: Arc<Catalogue>,
    pub shots: Arc<[ShotPlan]>,
}

impl Scope {
    fn subject(&self, at: SubjectRef) -> (&SubjectSet, &Subject) {
        let set = &self.catalogue.sets[at.set as usize];
        (set, &set.subjects[at.subject as usize])
    }
}

/// What a prompt sees.
#[derive(Debug)]
pub(super) struct PromptContext {
    pub scope: Arc<Scope>,
    pub shot: usize,
    pub variant: usize,
    pub subject: Option<SubjectRef>,
    pub take: u32,
    /// Only for `out`, which is filled in last.
    pub job: Option<(JobKey, Address)>,
}

impl Object for PromptContext {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let scope = &self.scope;
        let part = |what| Value::from_object(Part { of: self.clone(), what });
        match key {
            "subject" => Some(match self.subject {
                Some(_) => part(Which::Subject),
                // Not undefined, so that `{% if subject %}` may ask.
                None => Value::from(()),
            }),
            "shot" => Some(part(Which::Shot)),
            "variant" => Some(part(Which::Variant)),
            "env" => Some(part(Which::Env)),
            "job" if self.job.is_some() => Some(part(Which::Job)),
            "take" => Some(Value::from(self.take)),
            _ => {
                let with = &scope.shots[self.shot].variants[self.variant].with;
                if let Some((_, at)) = with.iter().find(|(alias, _)| **alias == *key) {
                    return Some(Value::from_object(With { of: self.clone(), at: *at }));
                }
                let (set, subject) = scope.subject(self.subject?);
                match (exact(set, subject, key), key) {
                    (None, "tags") => Some(tags(subject)),
                    (found, _) => found.map(|value| self.in_place(value)),
                }
            }
        }
    }
}

impl PromptContext {
    /// A value as it may stand where the template does: in a path, or anywhere.
    fn in_place(&self, value: Value) -> Value {
        match (&self.job, value.as_str()) {
            (Some(_), Some(text)) => file_part(text).map_or(value, Value::from),
            _ => value,
        }
    }
}

/// A text without what means something in a path on some file system; `None` where it is fine.
fn file_part(text: &str) -> Option<String> {
    let means_more = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    text.contains(means_more).then(|| text.replace(means_more, "-"))
}

/// Which part of a context.
#[derive(Debug, Clone, Copy)]
enum Which {
    Subject,
    Shot,
    Variant,
    Env,
    Job,
}

#[derive(Debug)]
struct Part {
    of: Arc<PromptContext>,
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
        let of = &self.of;
        let plan = &of.scope.shots[of.shot];
        match self.what {
            Which::Subject => {
                let (set, subject) = of.scope.subject(of.subject?);
                facts_of(set, subject, key).map(|value| of.in_place(value))
            }
            Which::Shot => {
                let id = || Value::from(&*of.scope.catalogue.shots[plan.shot].id);
                (key == "id").then(|| of.in_place(id()))
            }
            Which::Variant => {
                let variant = &plan.variants[of.variant];
                let found = variant.values.iter().find(|(name, _)| **name == *key);
                let settings = &variant.settings;
                let found = found.map(|(_, value)| Value::from(&**value)).or_else(|| match key {
                    "model" => Some(Value::from(variant.card.model.as_str())),
                    "aspect" => Some(Value::from(settings.aspect.as_str())),
                    "resolution" => Some(Value::from(settings.resolution.as_str())),
                    "duration" => Some(Value::from(settings.duration.normalize().to_string())),
                    _ => None,
                });
                found.map(|value| of.in_place(value))
            }
            Which::Env => of.scope.catalogue.env.get(key).map(|value| Value::from(value.as_str())),
            Which::Job => {
                let (job_key, address) = of.job.as_ref()?;
                match key {
                    "short" => Some(Value::from(job_key.short())),
                    "address" => Some(Value::from(address.as_str())),
                    _ => None,
                }
            }
        }
    }
}

/// A further subject under its alias.
#[derive(Debug)]
struct With {
    of: Arc<PromptContext>,
    at: SubjectRef,
}

impl Object for With {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (set, subject) = self.of.scope.subject(self.at);
        facts_of(set, subject, key).map(|value| self.of.in_place(value))
    }
}

/// A subject's value by its name: what it is, then its attributes.
pub(crate) fn facts_of(set: &SubjectSet, subject: &Subject, key: &str) -> Option<Value> {
    match key {
        "id" => Some(Value::from(&*subject.id)),
        "kind" => Some(Value::from(set.kind.as_str())),
        "set" => Some(Value::from(&*set.name)),
        "tags" => Some(tags(subject)),
        "references" => Some(reference_names(subject)),
        _ => exact(set, subject, key),
    }
}

/// Names by which the subject's pictures can be mentioned, so that a prompt may ask for an
/// optional one: `{% if "detail" in subject.references %}`.
fn reference_names(subject: &Subject) -> Value {
    let groups = subject.references.iter().filter_map(|r| r.group.as_deref());
    let names = subject.references.iter().map(|r| &*r.name);
    names.chain(groups).map(Value::from).collect()
}

fn tags(subject: &Subject) -> Value {
    subject.tags.iter().map(|tag| Value::from(&**tag)).collect()
}

/// An attribute's exact text.
fn exact(set: &SubjectSet, subject: &Subject, key: &str) -> Option<Value> {
    subject.row.get(set.columns.position(key)?).map(Value::from)
}

/// What a `where:` sees: a subject's attributes by their types, then its `id`, `kind` and `tags`,
/// and `subject`. An absent cell is `none`, so that `where: price is none` can be asked.
#[derive(Debug)]
pub(super) struct ConditionContext {
    pub scope: Arc<Scope>,
    pub subject: SubjectRef,
    /// Inside `subject`, where `id`, `kind` and `set` stand beside the attributes.
    pub inner: bool,
}

impl Object for ConditionContext {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (set, subject) = self.scope.subject(self.subject);
        match key {
            "subject" if !self.inner => {
                let (scope, subject) = (self.scope.clone(), self.subject);
                Some(Value::from_object(ConditionContext { scope, subject, inner: true }))
            }
            "id" if self.inner => Some(Value::from(&*subject.id)),
            "kind" if self.inner => Some(Value::from(set.kind.as_str())),
            "set" if self.inner => Some(Value::from(&*set.name)),
            _ => match typed_cell(set, subject, key) {
                Some(value) => Some(value),
                None => match key {
                    "id" => Some(Value::from(&*subject.id)),
                    "kind" => Some(Value::from(set.kind.as_str())),
                    "tags" => Some(tags(subject)),
                    _ => None,
                },
            },
        }
    }
}

/// An attribute by its column's type, as conditions see it; `None` without such a column.
pub(super) fn typed_cell(set: &SubjectSet, subject: &Subject, key: &str) -> Option<Value> {
    let position = set.columns.position(key)?;
    let text = subject.row.get(position);
    Some(text.map_or_else(|| Value::from(()), |text| typed(text, set.columns.type_of(position))))
}

fn typed(text: &str, by: AttributeType) -> Value {
    match by {
        AttributeType::Text => Value::from(text),
        AttributeType::Boolean => Value::from(text.trim() == "true"),
        AttributeType::List => {
            let items = text.split([',', ';', '|']).map(str::trim).filter(|item| !item.is_empty());
            items.map(Value::from).collect()
        }
        AttributeType::Number => number(text.trim()).unwrap_or_else(|| Value::from(text)),
        AttributeType::Auto => {
            let found = Some(text.trim()).filter(|t| is_plain_number(t)).and_then(number);
            found.unwrap_or_else(|| Value::from(text))
        }
    }
}

fn number(text: &str) -> Option<Value> {
    let integer = text.parse::<i64>().ok().map(Value::from);
    integer.or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from))
}

/// Whether a text that nobody called a number is written like one: `-12` or `0.5`. Article
/// numbers such as `00123` or `12e4` are text.
fn is_plain_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    digits(whole) && (whole.len() == 1 || !whole.starts_with('0')) && fraction.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_like_a_number_is_one_by_itself() {
        for text in ["0", "12", "-3", "24.50", "0.5", " 7 "] {
            assert!(typed(text, AttributeType::Auto).is_number(), "{text}");
        }
        for text in ["00123", "007", "-01", "12e4", "1.", ".5", "+49", "1.2.3", "x1", "", "inf"] {
            assert_eq!(typed(text, AttributeType::Auto).as_str(), Some(text));
        }
    }

    #[test]
    fn what_is_called_a_number_may_have_leading_zeros() {
        assert_eq!(typed("007", AttributeType::Number), Value::from(7));
    }
}
