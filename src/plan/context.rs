//! What templates and conditions see: attributes, subjects, the shot, the variant.
//!
//! What lives here: objects that look values up in the catalogue when a template asks, so that
//! no job builds a map. What never does: templates themselves.
//!
//! In `out`, every value is one part of a file's name: `9:16` is `9-16` there, and a `/` in an id
//! makes no folder.
//!
//! Reserved names win over attributes of the same name, which stay reachable as
//! `subject.NAME`: `subject`, `shot`, `variant`, `channel` (of a shot that has one), `take`, `env`,
//! `job`, `tags`, then aliases of further subjects, then attributes.

use std::sync::Arc;

use super::planner::ShotPlan;
use crate::address::{Address, JobKey};
use crate::channel::Channel;
use crate::manifest::{Catalogue, Subject, SubjectRef, SubjectSet, typed};
use crate::models::AspectRatio;
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
            "channel" if self.channel().is_some() => {
                Some(Value::from_object(ChannelPart { of: self.clone() }))
            }
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
    /// The channel of its variant.
    fn channel(&self) -> Option<&Channel> {
        self.scope.shots[self.shot].variants[self.variant].channel.as_deref()
    }

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

/// The variant's channel: written alone, its name.
#[derive(Debug)]
struct ChannelPart {
    of: Arc<PromptContext>,
}

impl Object for ChannelPart {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let of = &self.of;
        let channel = of.channel()?;
        let zone = || {
            let settings = &of.scope.shots[of.shot].variants[of.variant].settings;
            let aspect = AspectRatio::parse(&settings.aspect);
            let frame = aspect.and_then(|aspect| channel.frame(aspect));
            frame.and_then(|frame| frame.safe_zone).unwrap_or_default()
        };
        match key {
            "name" => Some(of.in_place(Value::from(channel.channel.as_str()))),
            "title" => Some(of.in_place(Value::from(channel.title.as_str()))),
            "safe_top" => Some(Value::from(zone().top)),
            "safe_bottom" => Some(Value::from(zone().bottom)),
            "safe_left" => Some(Value::from(zone().left)),
            "safe_right" => Some(Value::from(zone().right)),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names of channels are small letters, digits and dashes: they may stand in a path.
        f.write_str(self.of.channel().map_or("", |channel| &channel.channel))
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
