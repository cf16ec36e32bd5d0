//! The tables of a plan file on its way: which pictures, recipes, subjects and forms have their
//! line already, and what a job's own line has to say beside them.
//!
//! What never lives here: how lines are packed and sealed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::line::{
    ChangeWord, Derived, FormLine, JobEntry, Line, PictureLine, RefLine, Seed, SubjectLine,
};
use super::pattern::{Filling, Pattern};
use crate::address::NONE;
use crate::manifest::{Catalogue, SubjectRef};
use crate::media::PictureId;
use crate::media::prepare::Recipe;
use crate::models::ModelCard;
use crate::plan::digesting::Money;
use crate::plan::expand::derived_seed;
use crate::plan::job::PlannedJob;
use crate::plan::summary::Change;

/// How many wordings one kind of job may have in forms; more are told by the jobs themselves.
const WORDINGS: usize = 8;
/// How many attributes of a subject its texts are searched for.
const MOST_VALUES: usize = 64;
/// Marks what has no line yet.
const NO_LINE: u32 = u32::MAX;

/// What has a line already.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pictures: Numbers,
    recipes: HashMap<Recipe, u32>,
    subjects: Vec<Numbers>,
    /// Lines of subjects so far.
    subject_lines: u32,
    /// Of each set, the attributes that texts may repeat.
    values: Vec<Option<Box<[usize]>>>,
    forms: Vec<Form>,
    /// Forms by a hash of shot, take and variant.
    by_kind: HashMap<u64, Vec<u32>, BuildHasherDefault<DefaultHasher>>,
    /// The form that came after each, the last time: catalogues go in circles.
    after: Vec<u32>,
    last: Option<u32>,
}

/// Line numbers by small numbers.
#[derive(Debug, Default)]
struct Numbers {
    lines: Vec<u32>,
    next: u32,
}

impl Numbers {
    fn get(&self, of: u32) -> Option<u32> {
        self.lines.get(of as usize).copied().filter(|line| *line != NO_LINE)
    }

    fn set(&mut self, of: u32, line: u32) {
        let of = of as usize;
        if self.lines.len() <= of {
            self.lines.resize(of + 1, NO_LINE);
        }
        self.lines[of] = line;
    }
}

/// A form that has a line, and the model's card that its jobs have.
#[derive(Debug)]
pub(super) struct Form {
    pub line: FormLine,
    pub card: Arc<ModelCard>,
    shot: u32,
}

/// What a job's pictures are in a form.
type Places = Vec<RefLine>;

/// A picture of a job: its place among its subject's own, or its number; neither where nobody could
/// read it.
type PicturePlace = (Option<u32>, Option<u32>);

impl Tables {
    /// The forms, in the order of their lines.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// What a job's line says. Lines that must stand before it go to `line`.
    pub fn entry<E>(
        &mut self,
        job: &PlannedJob,
        change: &Change,
        catalogue: &Catalogue,
        mut line: impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<JobEntry, E> {
        let subject = match job.subject {
            None => None,
            Some(at) => Some(self.subject(at, catalogue, &mut line)?),
        };
        let values = job.subject.map(|at| self.values(at, catalogue)).unwrap_or_default();
        let id = job
            .subject
            .map_or("", |at| &catalogue.sets[at.set as usize].subjects[at.subject as usize].id);
        let short = job.key.short();
        let filling = Filling { id, values: &values, short: &short };
        let fixed = self.fixed_pictures(job, catalogue, &mut line)?;
        let form = match self.find(job, &fixed, &filling) {
            Found::Form(form) => form,
            Found::Wording(form) => {
                let own = self.forms[form as usize].own_texts(job, &filling);
                self.follow(form);
                return self.put(job, change, form, subject, own, &mut line);
            }
            Found::None => {
                let form = Form::learn(job, catalogue, &fixed, &filling);
                line(&Line::Form(Box::new(form.line.clone())))?;
                self.enter(job, form)
            }
        };
        self.follow(form);
        self.put(job, change, form, subject, (None, None, None), &mut line)
    }

    fn put<E>(
        &mut self,
        job: &PlannedJob,
        change: &Change,
        form: u32,
        subject: Option<u32>,
        (prompt, negative_prompt, out): (Option<String>, Option<String>, Option<String>),
        line: &mut impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<JobEntry, E> {
        let (change, why) = match change {
            Change::New => (None, Vec::new()),
            Change::Changed { why } => (Some(ChangeWord::Changed), why.clone()),
            Change::Done => (Some(ChangeWord::Done), Vec::new()),
            Change::InFlight => (Some(ChangeWord::InFlight), Vec::new()),
            Change::Retry => (Some(ChangeWord::Retry), Vec::new()),
            Change::Unknown => (Some(ChangeWord::Unknown), Vec::new()),
        };
        let recipes = match job.attached.iter().any(|a| a.recipe.making().is_some()) {
            false => None,
            true => {
                let mut recipes = Vec::with_capacity(job.attached.len());
                for attached in &job.attached {
                    recipes.push(self.recipe(&attached.recipe, line)?);
                }
                Some(recipes)
            }
        };
        let d = job.fingerprint.whole;
        Ok(JobEntry { f: form, s: subject, d, change, why, recipes, prompt, negative_prompt, out })
    }

    fn recipe<E>(
        &mut self,
        recipe: &Recipe,
        line: &mut impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<Option<u32>, E> {
        if recipe.making().is_none() {
            return Ok(None);
        }
        if let Some(known) = self.recipes.get(recipe) {
            return Ok(Some(*known));
        }
        line(&Line::Recipe(recipe.id()))?;
        let number = number(self.recipes.len());
        self.recipes.insert(recipe.clone(), number);
        Ok(Some(number))
    }

    fn picture<E>(
        &mut self,
        id: PictureId,
        catalogue: &Catalogue,
        line: &mut impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<Option<u32>, E> {
        if let Some(known) = self.pictures.get(id.0) {
            return Ok(Some(known));
        }
        // A picture that can't be read is sent with no job.
        let Some(facts) = catalogue.pictures.facts(id) else { return Ok(None) };
        let path = catalogue.pictures.get(id).name().to_owned();
        line(&Line::Picture(PictureLine { path, digest: facts.digest }))?;
        let number = self.pictures.next;
        self.pictures.next += 1;
        self.pictures.set(id.0, number);
        Ok(Some(number))
    }

    fn subject<E>(
        &mut self,
        at: SubjectRef,
        catalogue: &Catalogue,
        line: &mut impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<u32, E> {
        let set_at = at.set as usize;
        if self.subjects.len() <= set_at {
            self.subjects.resize_with(set_at + 1, Numbers::default);
            self.values.resize_with(set_at + 1, || None);
        }
        if let Some(known) = self.subjects[set_at].get(at.subject) {
            return Ok(known);
        }
        if self.values[set_at].is_none() {
            self.values[set_at] = Some(repeated(catalogue, at.set));
        }
        let set = &catalogue.sets[set_at];
        let subject = &set.subjects[at.subject as usize];
        let mut pictures = Vec::with_capacity(subject.references.len());
        for reference in &subject.references {
            if let Some(picture) = self.picture(reference.picture, catalogue, line)? {
                pictures.push(picture);
            }
        }
        let values = self.values(at, catalogue);
        let values = values.into_iter().map(|value| value.into_owned().into_boxed_str()).collect();
        let (set, id) = (set.name.to_string(), subject.id.to_string());
        line(&Line::Subject(SubjectLine { set, id, values, pictures }))?;
        let number = self.subject_lines;
        self.subject_lines += 1;
        self.subjects[set_at].set(at.subject, number);
        Ok(number)
    }

    /// The values of a subject that its texts may repeat.
    fn values<'c>(&self, at: SubjectRef, catalogue: &'c Catalogue) -> Vec<Cow<'c, str>> {
        let row = &catalogue.sets[at.set as usize].subjects[at.subject as usize].row;
        let columns = self.values.get(at.set as usize).and_then(|columns| columns.as_deref());
        let columns = columns.unwrap_or_default().iter();
        columns.map(|position| collapsed(row.get(*position).unwrap_or(""))).collect()
    }

    /// Which pictures of a job are its subject's own, and the numbers of those that aren't.
    fn fixed_pictures<E>(
        &mut self,
        job: &PlannedJob,
        catalogue: &Catalogue,
        line: &mut impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<Vec<PicturePlace>, E> {
        let own = job.subject.map(|at| {
            let set = &catalogue.sets[at.set as usize];
            &set.subjects[at.subject as usize].references
        });
        let mut places = Vec::with_capacity(job.attached.len());
        for attached in &job.attached {
            // Pictures without facts have no line, and are not counted.
            let mut known = own.into_iter().flatten().map(|reference| reference.picture);
            let readable = |id: &PictureId| catalogue.pictures.facts(*id).is_some();
            let position = known.position(|id| id == attached.picture).map(|position| {
                let before = own.into_iter().flatten().take(position);
                before.map(|reference| reference.picture).filter(readable).count()
            });
            places.push(match position {
                Some(position) => (Some(number(position)), None),
                None => (None, self.picture(attached.picture, catalogue, line)?),
            });
        }
        Ok(places)
    }

    fn find(
        &self,
        job: &PlannedJob,
        fixed: &[PicturePlace],
        filling: &Filling<'_, Cow<'_, str>>,
    ) -> Found {
        let expected = self.last.and_then(|last| self.after.get(last as usize)).copied();
        if let Some(form) = expected.filter(|form| *form != NO_LINE) {
            let at = &self.forms[form as usize];
            if at.is_for(job, fixed) && at.words(job, filling) {
                return Found::Form(form);
            }
        }
        let Some(known) = self.by_kind.get(&kind(job)) else { return Found::None };
        let mut wordings =
            known.iter().copied().filter(|form| self.forms[*form as usize].is_for(job, fixed));
        let Some(first) = wordings.next() else { return Found::None };
        let mut count = 0;
        for form in std::iter::once(first).chain(wordings) {
            if self.forms[form as usize].words(job, filling) {
                return Found::Form(form);
            }
            count += 1;
        }
        if count < WORDINGS { Found::None } else { Found::Wording(first) }
    }

    fn enter(&mut self, job: &PlannedJob, form: Form) -> u32 {
        let number = number(self.forms.len());
        self.forms.push(form);
        self.after.push(NO_LINE);
        self.by_kind.entry(kind(job)).or_default().push(number);
        number
    }

    fn follow(&mut self, form: u32) {
        if let Some(last) = self.last.replace(form) {
            self.after[last as usize] = form;
        }
    }
}

enum Found {
    /// A form with the job's texts.
    Form(u32),
    /// A form with other texts; there are enough wordings of it.
    Wording(u32),
    None,
}

impl Form {
    fn learn(
        job: &PlannedJob,
        catalogue: &Catalogue,
        fixed: &[PicturePlace],
        filling: &Filling<'_, Cow<'_, str>>,
    ) -> Form {
        let set = job.subject.map(|at| &catalogue.sets[at.set as usize]);
        let places = job.attached.iter().zip(fixed);
        let references: Places = places
            .map(|(attached, (own, picture))| RefLine {
                name: attached.name.to_string(),
                role: attached.role,
                own: *own,
                picture: *picture,
            })
            .collect();
        let settings = &job.settings;
        let seed = settings.seed.map(|seed| match seed == derived_seed(&job.key.0) {
            true => Seed::Derived(Derived::Derived),
            false => Seed::Given(seed),
        });
        let money = Money::of(job);
        let unlike = |of: fn(&Money) -> rust_decimal::Decimal| {
            money.as_ref().map(of).filter(|amount| Some(*amount) != money.map(|m| m.estimate))
        };
        let line = FormLine {
            shot: catalogue.shots[job.shot as usize].id.to_string(),
            set: set.map(|set| set.name.to_string()),
            kind: set.map(|set| set.kind),
            variant: variant(job).map(str::to_owned),
            take: job.take,
            model: job.model.model.clone(),
            provider: job.model.provider.clone(),
            route: job.route,
            reason: job.reason,
            seconds: settings.duration,
            aspect: settings.aspect.clone(),
            resolution: settings.resolution.clone(),
            width: settings.width,
            height: settings.height,
            fps: settings.fps,
            options: settings.options.clone(),
            seed,
            retake: job.retake,
            prompt: Pattern::learn(&job.prompt, filling),
            negative_prompt: job.negative_prompt.as_ref().map(|text| Pattern::learn(text, filling)),
            out: Pattern::learn(&job.out, filling),
            references,
            estimate: money.map(|money| money.estimate),
            low: unlike(|money| money.low),
            high: unlike(|money| money.high),
            as_text: job.text_estimate,
            consistency: job.consistency.as_deref().cloned(),
        };
        Form { line, card: job.model.clone(), shot: job.shot }
    }

    /// Whether it is the job's in everything but texts.
    fn is_for(&self, job: &PlannedJob, fixed: &[PicturePlace]) -> bool {
        let line = &self.line;
        let settings = &job.settings;
        let money = Money::of(job);
        let (low, high) = (line.low.or(line.estimate), line.high.or(line.estimate));
        let seed = match (line.seed, settings.seed) {
            (None, None) => true,
            (Some(Seed::Given(given)), Some(seed)) => given == seed,
            (Some(Seed::Derived(_)), Some(seed)) => seed == derived_seed(&job.key.0),
            _ => false,
        };
        seed && self.shot == job.shot
            && (line.take, line.retake) == (job.take, job.retake)
            && line.set.is_some() == job.subject.is_some()
            && line.variant.as_deref() == variant(job)
            && (Arc::ptr_eq(&self.card, &job.model) || self.card == job.model)
            && line.route == job.route
            && line.reason == job.reason
            && line.seconds == settings.duration
            && line.aspect == settings.aspect
            && line.resolution == settings.resolution
            && (line.width, line.height, line.fps)
                == (settings.width, settings.height, settings.fps)
            && line.options == settings.options
            && line.estimate == money.map(|money| money.estimate)
            && low == money.map(|money| money.low)
            && high == money.map(|money| money.high)
            && line.as_text == job.text_estimate
            && line.consistency.as_ref() == job.consistency.as_deref()
            && line.negative_prompt.is_some() == job.negative_prompt.is_some()
            && line.references.len() == job.attached.len()
            && line.references.iter().zip(&job.attached).zip(fixed).all(|((line, attached), at)| {
                (line.own, line.picture) == *at
                    && line.role == attached.role
                    && *line.name == *attached.name
            })
    }

    /// Whether its texts are the job's.
    fn words(&self, job: &PlannedJob, filling: &Filling<'_, Cow<'_, str>>) -> bool {
        let negative = self.line.negative_prompt.as_ref().zip(job.negative_prompt.as_ref());
        self.line.prompt.gives(&job.prompt, filling)
            && negative.is_none_or(|(pattern, text)| pattern.gives(text, filling))
            && self.line.out.gives(&job.out, filling)
    }

    /// Those texts of a job that are not the form's.
    fn own_texts(
        &self,
        job: &PlannedJob,
        filling: &Filling<'_, Cow<'_, str>>,
    ) -> (Option<String>, Option<String>, Option<String>) {
        let own = |pattern: &Pattern, text: &String| {
            (!pattern.gives(text, filling)).then(|| text.clone())
        };
        let negative = self.line.negative_prompt.as_ref().zip(job.negative_prompt.as_ref());
        (
            own(&self.line.prompt, &job.prompt),
            negative.and_then(|(pattern, text)| own(pattern, text)),
            own(&self.line.out, &job.out),
        )
    }
}

/// A job's variant as in addresses.
fn variant(job: &PlannedJob) -> Option<&str> {
    job.address.as_str().rsplit('/').nth(1).filter(|variant| *variant != NONE)
}

fn kind(job: &PlannedJob) -> u64 {
    let mut hasher = DefaultHasher::new();
    (job.shot, job.take, job.subject.map(|at| at.set), variant(job)).hash(&mut hasher);
    hasher.finish()
}

/// Positions of the attributes of a set that some text names: what is not named is not repeated.
fn repeated(catalogue: &Catalogue, set: u32) -> Box<[usize]> {
    let texts = catalogue
        .shots
        .iter()
        .flat_map(|shot| [Some(&shot.prompt), shot.negative_prompt.as_ref(), shot.out.as_ref()]);
    let texts: Vec<&str> =
        texts.flatten().chain([&catalogue.out]).map(|template| &*template.source).collect();
    // A mention may be written as the subject's title or name.
    let mentions = texts.iter().any(|text| text.contains('@'));
    let named = |name: &str| {
        texts.iter().any(|text| text.contains(name)) || mentions && matches!(name, "title" | "name")
    };
    let columns = catalogue.sets[set as usize].columns.names().enumerate();
    columns.filter(|(_, name)| named(name)).map(|(i, _)| i).take(MOST_VALUES).collect()
}

/// A text as prompts have it: single spaces, none at its ends.
fn collapsed(text: &str) -> Cow<'_, str> {
    let mut before = true;
    let plain = text.chars().all(|c| {
        let twice = before && c.is_whitespace();
        before = c.is_whitespace();
        !twice && (!before || c == ' ')
    });
    if plain && !text.ends_with(' ') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Lines are counted in 32 bits; the limit on jobs keeps them far below.
fn number(count: usize) -> u32 {
    u32::try_from(count).expect("limits keep the lines of a plan file below 2^32")
}
