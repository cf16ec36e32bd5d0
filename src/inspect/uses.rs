//! What the jobs of a plan do with each picture: which model gets it, by which route, changed how.
//!
//! A plan has many jobs and few ways to use a picture, so each way is held once and counted.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::manifest::{Catalogue, Role, SubjectKind, SubjectRef};
use crate::media::prepare::{Filling, Recipe};
use crate::media::{Format, PictureId};
use crate::models::Route;
use crate::plan::{Attached, PlannedJob};

/// One way in which a picture is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handling {
    /// The picture.
    pub picture: PictureId,
    /// The model.
    pub model: Arc<str>,
    /// The route.
    pub route: Route,
    /// What the picture is for.
    pub role: Role,
    /// Pixels of the clip.
    pub clip: (u32, u32),
    /// What is done to it first.
    pub recipe: Recipe,
}

/// One way in which a picture is used, and by how many jobs.
#[derive(Debug, Clone)]
pub struct Use {
    /// The way.
    pub handling: Handling,
    /// Jobs that use it so.
    pub jobs: u64,
    /// The shot of the first of them.
    pub shot: Arc<str>,
}

/// First and last frame of some jobs that don't have one shape when they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Frames {
    /// The first frame.
    pub first: PictureId,
    /// The last frame.
    pub last: PictureId,
    /// The shot.
    pub shot: Arc<str>,
    /// The first frame's pixels as it is sent.
    pub first_size: (u32, u32),
    /// The last frame's.
    pub last_size: (u32, u32),
}

/// A subject of which a shot by several references sends few views.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Views {
    /// The subject.
    pub subject: SubjectRef,
    /// The shot.
    pub shot: Arc<str>,
    /// Its first picture there.
    pub picture: PictureId,
    /// How many views of it are sent.
    pub views: u32,
    /// How many pictures the model takes.
    pub takes: u32,
}

/// What a plan's jobs do with pictures.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    uses: Vec<Use>,
    by_handling: HashMap<Handling, usize>,
    models: HashMap<String, Arc<str>>,
    frames: Seen<Frames>,
    views: Seen<Views>,
}

/// Things in the order in which they came, each once.
#[derive(Debug, Clone)]
struct Seen<T> {
    items: Vec<T>,
    known: std::collections::HashSet<T>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen { items: Vec::new(), known: Default::default() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Seen<T> {
    fn add(&mut self, item: T) {
        if self.known.insert(item.clone()) {
            self.items.push(item);
        }
    }
}

impl Uses {
    /// Adds a job; jobs come in the plan's order.
    pub fn job(&mut self, job: &PlannedJob, catalogue: &Catalogue) {
        let shot = &catalogue.shots[job.shot as usize].id;
        let model = match self.models.get(&job.model.model) {
            Some(model) => model.clone(),
            None => {
                let model: Arc<str> = job.model.model.as_str().into();
                self.models.insert(job.model.model.clone(), model.clone());
                model
            }
        };
        for attached in &job.attached {
            let handling = Handling {
                picture: attached.picture,
                model: model.clone(),
                route: job.route,
                role: attached.role,
                clip: (job.settings.width, job.settings.height),
                recipe: attached.recipe.clone(),
            };
            match self.by_handling.get(&handling) {
                Some(at) => self.uses[*at].jobs += 1,
                None => {
                    self.by_handling.insert(handling.clone(), self.uses.len());
                    self.uses.push(Use { handling, jobs: 1, shot: shot.clone() });
                }
            }
        }
        match job.route {
            Route::Frames => self.look_at_frames(job, shot, catalogue),
            Route::References => self.look_at_views(job, shot, catalogue),
            Route::Text | Route::Image => {}
        }
    }

    fn look_at_frames(&mut self, job: &PlannedJob, shot: &Arc<str>, catalogue: &Catalogue) {
        let [first, .., last] = &job.attached[..] else { return };
        let of = |attached: &Attached| sent_size(catalogue, attached.picture, &attached.recipe);
        let (Some(first_size), Some(last_size)) = (of(first), of(last)) else { return };
        if first_size != last_size {
            self.frames.add(Frames {
                first: first.picture,
                last: last.picture,
                shot: shot.clone(),
                first_size,
                last_size,
            });
        }
    }

    fn look_at_views(&mut self, job: &PlannedJob, shot: &Arc<str>, catalogue: &Catalogue) {
        let Some(at) = job.subject else { return };
        let set = &catalogue.sets[at.set as usize];
        if !has_sides(set.kind) {
            return;
        }
        let of = &set.subjects[at.subject as usize];
        let its = |attached: &&Attached| {
            attached.role == Role::Identity
                && of.references.iter().any(|r| r.picture == attached.picture)
        };
        let mut views: Vec<PictureId> =
            job.attached.iter().filter(its).map(|attached| attached.picture).collect();
        let Some(picture) = views.first().copied() else { return };
        views.sort_unstable();
        views.dedup();
        let takes = job.model.routes.get(&Route::References).map_or(0, |ability| ability.max);
        self.views.add(Views {
            subject: at,
            shot: shot.clone(),
            picture,
            views: views.len() as u32,
            takes: u32::try_from(takes).unwrap_or(u32::MAX),
        });
    }

    /// Every way in which pictures are used, in the plan's order.
    pub fn iter(&self) -> impl Iterator<Item = &Use> {
        self.uses.iter()
    }

    /// First and last frames of different sizes.
    pub fn frames(&self) -> &[Frames] {
        &self.frames.items
    }

    /// How many views of its subject each shot by several references sends.
    pub fn views(&self) -> &[Views] {
        &self.views.items
    }
}

/// Whether it looks different from another side, so that one view is not enough.
fn has_sides(kind: SubjectKind) -> bool {
    kind.has_identity()
}

/// Pixels of a picture as it is sent.
fn sent_size(catalogue: &Catalogue, picture: PictureId, recipe: &Recipe) -> Option<(u32, u32)> {
    if let Some(making) = recipe.making() {
        return Some((making.canvas.width, making.canvas.height));
    }
    let facts = catalogue.pictures.facts(picture)?;
    Some((facts.width, facts.height))
}

/// What is done to a picture before it is sent, in words that programs can count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Sides are cut off.
    Cropped,
    /// Something is added at its sides.
    Padded,
    /// It is made smaller.
    ScaledDown,
    /// White, or another colour, is put behind transparent pixels.
    Flattened,
    /// It is written in another format.
    Converted,
    /// It is written anew in its own format: upright, in sRGB, without metadata.
    Rewritten,
}

impl Change {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Cropped => "cropped",
            Change::Padded => "padded",
            Change::ScaledDown => "scaled down",
            Change::Flattened => "flattened",
            Change::Converted => "converted",
            Change::Rewritten => "written anew",
        }
    }
}

impl Handling {
    /// What is done to the picture; nothing where its own bytes are sent.
    pub fn changes(&self, format: Format) -> Vec<Change> {
        let Some(making) = self.recipe.making() else { return Vec::new() };
        let mut changes = Vec::new();
        if making.window.size != making.source {
            changes.push(Change::Cropped);
        }
        if making.filling.is_some_and(|filling| match filling {
            Filling::Colour(_) | Filling::Border | Filling::Blur => making.canvas != making.picture,
        }) {
            changes.push(Change::Padded);
        }
        if making.picture.width < making.window.size.width {
            changes.push(Change::ScaledDown);
        }
        if making.flatten.is_some() {
            changes.push(Change::Flattened);
        }
        if making.format != format {
            changes.push(Change::Converted);
        }
        if changes.is_empty() {
            changes.push(Change::Rewritten);
        }
        changes
    }
}
