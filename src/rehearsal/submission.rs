//! Submissions read back: which model, route, settings and pictures a request is about, by
//! holding it against what each model's card would have sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::settings::Settings;
use crate::manifest::Role;
use crate::models::{ModelCard, Route, Workflow};
use crate::protocol::{Call, JobScope, PictureScope, ProviderCard};
use crate::wire::{Filling, Reading, Scope, Sighting, scope_of, sent_as};

/// What a request may be about.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The model.
    pub(super) model: Arc<ModelCard>,
    /// How it is entered.
    pub(super) route: Route,
}

/// How a picture came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// URL, data URI, base64 or handle.
    Text(String),
    /// A file of the form.
    File(usize),
}

/// A picture of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentPicture {
    /// What it is for.
    pub(super) role: Role,
    /// How it came.
    pub(super) how: How,
}

/// A submission as understood.
#[derive(Debug, Clone)]
pub(super) struct Submission {
    /// The model.
    pub(super) model: Arc<ModelCard>,
    /// How it is entered.
    pub(super) route: Route,
    /// The prompt.
    pub(super) prompt: String,
    /// Length and size.
    pub(super) settings: Settings,
    /// Seed.
    pub(super) seed: Option<u64>,
    /// The client's own name for the attempt.
    pub(super) attempt: Option<String>,
    /// Pictures, in the order of the request.
    pub(super) pictures: Vec<SentPicture>,
}

/// Why a submission is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    #[error("the body is not what this path takes")]
    NoBody,
    #[error("no model card is about this request{}; known: {known}", named(.asked))]
    UnknownModel { asked: Option<String>, known: String },
    #[error("the route `{route}` of {model} needs pictures that the request does not have")]
    NoPicture { model: String, route: Route },
}

fn named(asked: &Option<String>) -> String {
    asked.as_ref().map_or(String::new(), |asked| format!(" (it asks for `{asked}`)"))
}

/// What a request brings, beside its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brought<'a> {
    /// Its body.
    pub(super) json: &'a Json,
    /// Its headers, by name in lower case.
    pub(super) headers: &'a BTreeMap<String, String>,
}

/// Reads a submission: of all candidates, the one whose card explains most of it.
pub(super) fn read(
    card: &ProviderCard,
    candidates: &[Candidate],
    variables: &BTreeMap<String, String>,
    brought: Brought<'_>,
) -> Result<Submission, Misread> {
    let mut best: Option<(bool, i64, Submission)> = None;
    let mut asked = None;
    for candidate in candidates {
        let Some(call) = card.submit.forms.get(candidate.model.form(candidate.route)) else {
            continue;
        };
        let mut reading = reading(call, candidate, brought);
        let scope = scope_of(&scope(card, candidate, variables));
        if let Err(other) = check_model(card, &reading, &scope) {
            asked.get_or_insert(other);
            continue;
        }
        let (submission, contradicted) =
            understood(card, candidate, &reading.sightings, &scope, brought);
        reading.contradicted += contradicted;
        let complete = has_pictures(candidate.route, &submission.pictures);
        let rank = (complete, reading.fit());
        if best.as_ref().is_none_or(|(complete, fit, _)| rank > (*complete, *fit)) {
            best = Some((rank.0, rank.1, submission));
        }
    }
    match best {
        Some((true, _, submission)) => Ok(submission),
        Some((false, _, Submission { model, route, .. })) => {
            Err(Misread::NoPicture { model: model.model.clone(), route })
        }
        None => {
            let mut known: Vec<String> =
                candidates.iter().map(|c| format!("`{}`", c.model.api_id(c.route))).collect();
            known.dedup();
            Err(Misread::UnknownModel { asked, known: known.join(", ") })
        }
    }
}

/// Body and headers held against what the candidate's card would have sent.
fn reading(call: &Call, candidate: &Candidate, brought: Brought<'_>) -> Reading {
    let shape = candidate.model.body(candidate.route).or(call.body.as_ref());
    let mut reading = shape.map(|shape| shape.read(brought.json)).unwrap_or_default();
    for (name, filling) in &call.headers {
        if let Some(text) = brought.headers.get(&name.to_ascii_lowercase()) {
            reading.sightings.extend(filling.read(text).unwrap_or_default());
        }
    }
    if let Some(workflow) = &candidate.model.api.workflow {
        let graph = reading.sightings.iter().find(|s| names(s, &["workflow"]));
        if let Some(graph) = graph.map(|s| s.value.clone()) {
            read_workflow(workflow, &graph, &mut reading);
        }
    }
    reading
}

/// Reads the slots of a workflow; nodes of another kind contradict.
fn read_workflow(workflow: &Workflow, graph: &Json, reading: &mut Reading) {
    for (pointer, shape) in &workflow.slots {
        if let Some(value) = graph.pointer(pointer) {
            reading.sightings.extend(shape.read(value).sightings);
        }
    }
    let nodes = workflow.graph.as_ref().and_then(|graph| graph.0.as_object());
    for (id, node) in nodes.into_iter().flatten() {
        if graph.get(id).map(|n| &n["class_type"]) != Some(&node["class_type"]) {
            reading.contradicted += 1;
        }
    }
}

fn names(sighting: &Sighting, wanted: &[&str]) -> bool {
    sighting.expr.names().any(|name| wanted.contains(&name.as_str()))
}

/// What a candidate's expressions see, but for settings: one picture stands for those that its
/// route takes.
pub(super) fn scope(
    card: &ProviderCard,
    candidate: &Candidate,
    variables: &BTreeMap<String, String>,
) -> JobScope {
    let Candidate { model, route } = candidate;
    let mut values: BTreeMap<String, Json> =
        card.values.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect();
    values.extend(model.values(*route));
    let mut scope = JobScope {
        model: model.api_id(*route).to_owned(),
        route: route.as_str().to_owned(),
        values,
        variables: variables.clone(),
        ..JobScope::default()
    };
    let picture = PictureScope::default();
    match route {
        Route::Text => {}
        Route::Image => scope.first = Some(picture.clone()),
        Route::Frames => {
            scope.first = Some(picture.clone());
            scope.last = Some(picture.clone());
        }
        Route::References => scope.references = vec![picture.clone()],
    }
    if *route != Route::Text {
        scope.pictures = vec![picture];
    }
    scope
}

/// Whether the request names the candidate's model, where it names any. A server of one's own
/// takes whatever name its clients use.
///
/// # Errors
/// The model that the request names.
fn check_model(card: &ProviderCard, reading: &Reading, scope: &Scope) -> Result<(), String> {
    for seen in reading.sightings.iter().filter(|s| names(s, &["model"])) {
        let value = seen.expr.json(scope).ok().flatten();
        if !card.local && !value.is_some_and(|value| sent_as(&seen.value, &value)) {
            return Err(seen.value.as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(())
}

/// The logical job, and how many values are not of the kind that the card would send.
fn understood(
    card: &ProviderCard,
    candidate: &Candidate,
    sightings: &[Sighting],
    scope: &Scope,
    brought: Brought<'_>,
) -> (Submission, usize) {
    let text = |name: &str| {
        let of = |s: &&Sighting| !s.file && names(s, &[name]);
        sightings.iter().filter(of).find_map(|s| s.value.as_str())
    };
    let (pictures, contradicted) = pictures(candidate.route, sightings);
    let key = card.idempotency.as_ref().map(|i| i.header.to_ascii_lowercase());
    let key = key.and_then(|name| brought.headers.get(&name).cloned());
    let seed = sightings.iter().filter(|s| names(s, &["seed"])).find_map(|s| match &s.value {
        Json::String(text) => text.parse().ok(),
        value => value.as_u64(),
    });
    let submission = Submission {
        model: candidate.model.clone(),
        route: candidate.route,
        prompt: text("prompt").unwrap_or_default().to_owned(),
        settings: Settings::solve(&candidate.model, sightings, scope),
        seed,
        attempt: text("attempt").map(str::to_owned).or(key),
        pictures,
    };
    (submission, contradicted)
}

/// Names under which expressions see pictures.
const PICTURE_NAMES: [&str; 5] = ["first", "last", "references", "pictures", "item"];
/// What of a picture an expression takes when it hands the picture over.
const HANDED_BY: [&str; 4] = ["uri", "url", "base64", "handle"];

fn pictures(route: Route, sightings: &[Sighting]) -> (Vec<SentPicture>, usize) {
    let (mut found, mut contradicted) = (Vec::new(), 0);
    for seen in sightings {
        let hands_over = HANDED_BY.iter().any(|by| seen.expr.source().contains(by));
        if !names(seen, &PICTURE_NAMES) || !(seen.file || hands_over) {
            continue;
        }
        match &seen.value {
            Json::String(text) => {
                let role = role(route, seen, found.len());
                found.push(SentPicture { role, how: How::Text(text.clone()) });
            }
            Json::Array(items) if items.iter().all(Json::is_string) => {
                for text in items.iter().filter_map(Json::as_str) {
                    let role = role(route, seen, found.len());
                    found.push(SentPicture { role, how: How::Text(text.to_owned()) });
                }
            }
            Json::Number(at) if seen.file => {
                let at = at.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
                found
                    .push(SentPicture { role: role(route, seen, found.len()), how: How::File(at) });
            }
            _ => contradicted += 2,
        }
    }
    (found, contradicted)
}

/// What a picture is for: as its name says, else by its position on its route.
fn role(route: Route, seen: &Sighting, before: usize) -> Role {
    if names(seen, &["first"]) {
        return Role::FirstFrame;
    }
    if names(seen, &["last"]) {
        return Role::LastFrame;
    }
    match (route, before) {
        (Route::Image | Route::Frames, 0) => Role::FirstFrame,
        (Route::Frames, 1) => Role::LastFrame,
        _ => Role::Identity,
    }
}

/// Whether a route has what it can't do without.
fn has_pictures(route: Route, pictures: &[SentPicture]) -> bool {
    let has = |role| pictures.iter().any(|picture| picture.role == role);
    match route {
        Route::Text => true,
        Route::Image | Route::References => !pictures.is_empty(),
        Route::Frames => has(Role::FirstFrame) && has(Role::LastFrame),
    }
}

/// The variables of a card as they are where no manifest sets them.
pub(super) fn usual_variables(card: &ProviderCard) -> BTreeMap<String, String> {
    let value = |variable: &crate::protocol::Variable| {
        let word = variable.default.clone().or_else(|| variable.choices.keys().next().cloned());
        match word {
            Some(word) => variable.choices.get(&word).cloned().unwrap_or(word),
            None => "rehearsal".to_owned(),
        }
    };
    card.variables.iter().map(|(name, variable)| (name.clone(), value(variable))).collect()
}

/// The variables that a client must set to ask nobody but this server: those without a value of
/// their own, and those that are URLs.
pub(super) fn given_variables(card: &ProviderCard, root: &str) -> BTreeMap<String, String> {
    let mut given = usual_variables(card);
    given.retain(|name, value| {
        let own = card.variables[name].default.is_some();
        let is_url = value.starts_with("https://") && card.variables[name].choices.is_empty();
        if is_url {
            *value = root.to_owned();
        }
        is_url || !own
    });
    given
}

/// What of a base URL is in every path: `/v1`, or nothing.
pub(super) fn prefix(base_url: &Filling, variables: &BTreeMap<String, String>) -> String {
    let scope = minijinja::context! { variables => variables };
    let whole = base_url.fill(&scope).ok().flatten().unwrap_or_default();
    url::Url::parse(&whole).map_or(String::new(), |url| url.path().trim_end_matches('/').to_owned())
}
