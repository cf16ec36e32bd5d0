//! A job as it is read from a plan file.
//!
//! What never lives here: how lines are read, whether the file is whole.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::form::{FileSubject, Form};
use super::line::{Derived, PictureLine, RefLine, Seed};
use super::pattern::{Filling, Pattern};
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::plan::digesting::Money;
use crate::plan::expand::derived_seed;
use crate::plan::job::{Fingerprint, JobSettings};
use crate::plan::lines::JobLine;
use crate::plan::retake::retake_seed;
use crate::plan::summary::Change;

/// One job of a plan file. Cheap to clone: its texts are put together when they are asked for.
#[derive(Debug, Clone)]
pub struct FileJob {
    /// Its stable name.
    pub address: Address,
    /// The address' key.
    pub key: JobKey,
    /// Digest of its request.
    pub fingerprint: Digest,
    /// How it stood against the ledger when it was planned.
    pub change: Change,
    pub(super) form: Arc<Form>,
    pub(super) subject: Option<Arc<FileSubject>>,
    /// What differs from its form.
    pub(super) own: Option<Arc<Own>>,
}

/// What a job does not share with its form.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub recipes: Option<Vec<Option<Arc<str>>>>,
    pub prompt: Option<String>,
    pub negative_prompt: Option<String>,
    pub out: Option<String>,
}

impl FileJob {
    /// What it may cost, in the plan's unit; absent where it is unpriced.
    pub fn money(&self) -> Option<Money> {
        self.form.money
    }

    /// What it is expected to cost, in the plan's unit; absent where it is unpriced.
    pub fn estimate(&self) -> Option<Decimal> {
        self.form.money.map(|money| money.estimate)
    }

    /// Model.
    pub fn model(&self) -> &str {
        &self.form.line.model
    }

    /// Shot.
    pub fn shot(&self) -> &str {
        &self.form.line.shot
    }

    /// `set.id` of its subject, if any.
    pub fn subject_name(&self) -> Option<String> {
        self.subject.as_ref().map(|subject| format!("{}.{}", subject.set, subject.id))
    }

    /// The prompt as it would be sent.
    pub fn prompt(&self) -> String {
        let own = self.own.as_ref().and_then(|own| own.prompt.clone());
        own.unwrap_or_else(|| self.filled(&self.form.line.prompt))
    }

    /// The negative prompt as it would be sent.
    pub fn negative_prompt(&self) -> Option<String> {
        let own = self.own.as_ref().and_then(|own| own.negative_prompt.clone());
        own.or_else(|| self.form.line.negative_prompt.as_ref().map(|p| self.filled(p)))
    }

    /// Where the clip goes, relative to the workspace.
    pub fn out(&self) -> String {
        let own = self.own.as_ref().and_then(|own| own.out.clone());
        own.unwrap_or_else(|| self.filled(&self.form.line.out))
    }

    /// Its seed before any retake; absent when the model takes none.
    pub fn seed(&self) -> Option<u64> {
        match self.form.line.seed? {
            Seed::Given(seed) => Some(seed),
            Seed::Derived(Derived::Derived) => Some(derived_seed(&self.key.0)),
        }
    }

    /// Its settings before any retake.
    pub fn settings(&self) -> JobSettings {
        JobSettings { seed: self.seed(), ..self.form.settings.clone() }
    }

    /// Its pictures in the order in which the model gets them, each with what is done to it
    /// before it is sent.
    pub(super) fn pictures(
        &self,
    ) -> impl Iterator<Item = (&RefLine, &PictureLine, Option<&Arc<str>>)> {
        let recipes = self.own.as_ref().and_then(|own| own.recipes.as_ref());
        let own = self.subject.as_ref().map_or(&[][..], |subject| &subject.pictures);
        let both = self.form.line.references.iter().zip(&self.form.fixed).enumerate();
        both.filter_map(move |(i, (reference, fixed))| {
            let picture = match fixed {
                Some(picture) => picture,
                None => &own.get(usize::try_from(reference.own?).ok()?)?.1,
            };
            let recipe = recipes.and_then(|recipes| recipes.get(i)?.as_ref());
            Some((reference, &**picture, recipe))
        })
    }

    /// The name of its request, made anew from what the file says of it.
    pub fn request_name(&self) -> Fingerprint {
        let line = &self.form.line;
        let pictures = self.pictures().map(|(reference, picture, recipe)| {
            (reference.role, &picture.digest, recipe.map(|recipe| Cow::Borrowed(&**recipe)))
        });
        Fingerprint::of_named(
            (&line.provider, &line.model),
            line.route,
            (&self.prompt(), self.negative_prompt().as_deref()),
            &self.settings(),
            line.retake,
            pictures,
        )
    }

    /// As a line of a report, in the plan's unit.
    pub fn line(&self, unit: &str) -> JobLine {
        let form = &self.form.line;
        let money = self.money();
        let text = |amount: Decimal| amount.normalize().to_string();
        let extra = money.zip(form.as_text).map(|(money, as_text)| money.estimate - as_text);
        JobLine {
            address: self.address.to_string(),
            change: self.change.as_str().to_owned(),
            why: match &self.change {
                Change::Changed { why } => why.clone(),
                _ => Vec::new(),
            },
            subject: self.subject_name(),
            shot: form.shot.clone(),
            model: form.model.clone(),
            route: form.route,
            reason: form.reason.as_str().to_owned(),
            seconds: form.seconds.normalize().to_string(),
            size: format!("{}x{}", form.width, form.height),
            fps: form.fps,
            seed: self.seed().map(|seed| retake_seed(seed, form.retake)),
            references: self.pictures().map(|(reference, ..)| reference.name.clone()).collect(),
            pictures: self.pictures().map(|(_, picture, _)| picture.path.clone()).collect(),
            prompt: self.prompt(),
            estimate: money.map(|money| text(money.estimate)),
            low: money.map(|money| text(money.low)),
            high: money.map(|money| text(money.high)),
            with_retakes: money.filter(|_| form.retakes() > 0).map(|money| {
                text(money.estimate.saturating_mul(Decimal::from(form.retakes()) + Decimal::ONE))
            }),
            unit: money.map(|_| unit.to_owned()),
            image_extra: extra.map(text),
            out: self.out(),
            fingerprint: self.fingerprint.to_string(),
        }
    }

    fn filled(&self, pattern: &Pattern) -> String {
        let (id, values): (&str, &[Box<str>]) = match &self.subject {
            Some(subject) => (&subject.id, &subject.values),
            None => ("", &[]),
        };
        pattern.fill(&Filling { id, values, short: &self.key.short() })
    }
}
