//! Pictures of a job: whether the route can have them, and what is done to each before it is sent.
//!
//! What lives here: a route's abilities and a shot's `fit` as needs of a picture, and the errors
//! where one can't be met. What never does: pixels; recipes are decided by header facts alone.

use super::expand::{Step, Worker};
use super::matching::{Candidate, Matched};
use crate::diagnostic::Finding;
use crate::limits::Limits;
use crate::manifest::{Role, Shot};
use crate::media::prepare::{Colour, Fit, PictureNeeds, Recipe, recipe};
use crate::media::{Format, PictureProblem};
use crate::models::{AspectRatio, Route, RouteAbility};

/// How a variant of a shot wants pictures made to fit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Framing {
    pub fit: Fit,
    pub pad: Option<Colour>,
}

impl Framing {
    /// Of a shot, and its axis `fit` where it has one.
    pub fn of(shot: &Shot, axis: Option<Fit>) -> Framing {
        let settings = &shot.settings;
        let written = settings.fit.as_ref().map(|fit| fit.value);
        let pad = settings.pad.as_ref().map(|pad| pad.value);
        Framing { fit: axis.or(written).unwrap_or_default(), pad }
    }
}

/// What a route needs of pictures: of frames, which should have the clip's shape, and of others,
/// which may have any that is taken.
#[derive(Debug)]
pub(super) struct RouteNeeds {
    route: Route,
    frames: PictureNeeds,
    others: PictureNeeds,
    /// Whether anything is prepared at all.
    prepare: bool,
}

impl RouteNeeds {
    fn new(route: Route, ability: &RouteAbility, framing: Framing, aspect: &str) -> Self {
        let sides = |aspect: AspectRatio| (aspect.width, aspect.height);
        let others = PictureNeeds {
            formats: ability.formats.iter().filter_map(|name| Format::parse(name)).collect(),
            min_side: ability.min_side,
            max_side: ability.max_side,
            max_pixels: ability.max_pixels,
            aspect_min: ability.aspect_min.map(sides),
            aspect_max: ability.aspect_max.map(sides),
            max_bytes: ability.max_bytes,
            alpha: ability.alpha,
            fit: framing.fit,
            pad: framing.pad.map(|Colour(colour)| colour),
            ..PictureNeeds::default()
        };
        let aspect = AspectRatio::parse(aspect).map(sides);
        let frames = PictureNeeds { aspect, ..others.clone() };
        RouteNeeds { route, frames, others, prepare: ability.prepare }
    }

    fn of(&self, role: Role) -> &PictureNeeds {
        match (self.route, role) {
            (Route::Image | Route::Frames, _) | (_, Role::FirstFrame | Role::LastFrame) => {
                &self.frames
            }
            _ => &self.others,
        }
    }
}

/// Shapes that differ by less than this look the same, in thousandths.
const SAME_SHAPE: u64 = 20;

/// Says where a clip takes the shape of its first picture, and not the one that is asked for.
fn say_shape(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    matched: &Matched,
) {
    let details = step.details;
    let follows = details.card.routes.get(&matched.route).is_some_and(|a| a.follows_picture);
    let Some((first, _)) = matched.sent.first().filter(|_| follows) else { return };
    let candidate = &candidates[*first];
    let Some(facts) = worker.catalogue.pictures.facts(candidate.reference.picture) else { return };
    let (width, height) = (facts.width, facts.height);
    let settings = &details.settings;
    let theirs = u64::from(width) * u64::from(settings.height);
    let asked = u64::from(settings.width) * u64::from(height);
    let differs = theirs.abs_diff(asked).saturating_mul(1000) > asked.saturating_mul(SAME_SHAPE);
    if details.framing.fit != Fit::Keep || !differs {
        return;
    }
    let (model, place) = (&details.card.model, candidate.reference.place);
    let message = format!(
        "`{model}` gives a clip the shape of its first picture ({width}×{height}), not {}",
        settings.aspect
    );
    let code = "plan::shape_follows_picture";
    let finding = || {
        let help = "write `fit: pad`, `crop` or `blur`, so that the picture gets the clip's shape";
        Finding::warning(code, message.clone()).at(place, "this picture").help(help)
    };
    worker.chunk.notes.add(worker.plan.shot, code, &message, step.concerned(), finding);
}

/// The needs of a route, made once for each variant.
pub(super) fn needs_of<'n>(
    known: &'n mut Vec<RouteNeeds>,
    step: &Step<'_>,
    route: Route,
) -> Option<&'n RouteNeeds> {
    if let Some(i) = known.iter().position(|needs| needs.route == route) {
        return known.get(i);
    }
    let details = step.details;
    let ability = details.card.routes.get(&route)?;
    known.push(RouteNeeds::new(route, ability, details.framing, &details.settings.aspect));
    known.last()
}

/// Notes the pictures with URLs among those that are sent, where that is asked for.
fn gather(worker: &mut Worker<'_, '_>, candidates: &[Candidate<'_>], matched: &Matched) {
    if !worker.planner.gathers {
        return;
    }
    let before = worker.chunk.jobs.len() as u64 + worker.chunk.waiting.jobs;
    for (i, _) in &matched.sent {
        let id = candidates[*i].reference.picture;
        if worker.catalogue.pictures.get(id).source.is_some() {
            worker.chunk.wanted.push((before, id));
        }
    }
}

/// What is done to each picture that is sent, in their order; `None` where one can't be sent,
/// which is said.
pub(super) fn recipes(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    matched: &Matched,
    needs: Option<&RouteNeeds>,
) -> Option<Vec<Recipe>> {
    let provider = step.details.card.provider.as_str();
    let by_url = worker.planner.by_url.contains(provider);
    let mut recipes = Vec::with_capacity(matched.sent.len());
    gather(worker, candidates, matched);
    let mut waits = false;
    for (i, role) in &matched.sent {
        let candidate = &candidates[*i];
        let picture = worker.catalogue.pictures.get(candidate.reference.picture);
        if picture.facts == Some(Err(PictureProblem::NotFetched)) {
            let (id, place) = (candidate.reference.picture, candidate.reference.place);
            worker.chunk.waiting.add(id, &step.who, place);
            waits = true;
            continue;
        }
        let (code, message, help) = match &picture.facts {
            Some(Ok(facts)) => match needs.map(|needs| (recipe(facts, needs.of(*role)), needs)) {
                None | Some((Ok(_), _)) if by_url && candidate.reference.url.is_none() => {
                    let message = format!("`{provider}` takes pictures by public URLs only");
                    let help = match picture.source {
                        None => "give the reference a `url:` beside its `image:`",
                        Some(_) => {
                            "give the reference a `url:` too: that of its `image:`, if the \
                                    provider may ask for it there"
                        }
                    };
                    ("plan::picture_url", message, help.to_owned())
                }
                Some((Ok(recipe), needs)) if needs.prepare => {
                    if !by_url || recipe.making().is_none() {
                        recipes.push(recipe);
                        continue;
                    }
                    let message = format!(
                        "`{provider}` takes pictures by public URLs only, and this one would have \
                         to be changed for `{}`",
                        step.details.card.model
                    );
                    ("plan::picture_url", message, "publish a picture that fits".to_owned())
                }
                None | Some((Ok(_), _)) => {
                    recipes.push(Recipe::AsItIs);
                    continue;
                }
                Some((Err(unfit), _)) => {
                    let message = format!("`{}` {unfit}", step.details.card.model);
                    ("plan::picture_limit", message, unfit.help().to_owned())
                }
            },
            Some(Err(problem)) => {
                let help = match problem {
                    PictureProblem::TooLarge { limit, .. } => Limits::how_to_raise(limit),
                    _ => problem.help().unwrap_or("replace the file").to_owned(),
                };
                ("plan::picture", problem.to_string(), help)
            }
            None => {
                let message = "it has not been probed".to_owned();
                ("plan::picture", message, "probe the pictures before planning".to_owned())
            }
        };
        let key = format!("{}{message}", picture.name());
        let place = candidate.reference.place;
        let finding = || {
            let message = format!("`{}` can't be used: {message}", picture.name());
            let finding = Finding::error(code, message).of_picture(picture.name());
            finding.at(place, "this picture").help(help)
        };
        worker.chunk.notes.add(worker.plan.shot, code, &key, step.concerned(), finding);
    }
    if waits {
        worker.chunk.waiting.jobs += step.jobs;
    }
    if recipes.len() != matched.sent.len() {
        return None;
    }
    say_shape(worker, step, candidates, matched);
    Some(recipes)
}
