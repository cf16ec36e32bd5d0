//! A job as a card's expressions see it, and the submission that it becomes. Pure.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use crate::manifest::Role;
use crate::models::{ModelCard, Workflow};
use crate::plan::Request;
use crate::protocol::{Built, HttpCall, JobScope, Method, PictureScope, ProviderCard, Transport};
use crate::wire::{Scope, WireError, scope_of};

/// A picture on its way: by which transport it goes, and what stands for it in the request.
#[derive(Debug, Clone)]
pub struct Handed {
    /// How it goes.
    pub transport: Transport,
    /// URL, data URI, base64 or handle; empty for a file.
    pub value: String,
    /// Media type of what is sent.
    pub media_type: String,
    /// A file name with the right extension.
    pub file_name: String,
    /// Pixels of what is sent.
    pub width: u32,
    /// Pixels of what is sent.
    pub height: u32,
    /// Bytes of what is sent.
    pub bytes: u64,
}

/// What a job's expressions see. `values` are the card's with the model's.
///
/// # Errors
/// When a workflow's slot can't be filled.
pub fn job_scope(
    values: &BTreeMap<String, Json>,
    model: &ModelCard,
    request: &Request,
    key: &str,
    pictures: &[Handed],
    variables: &BTreeMap<String, String>,
) -> Result<JobScope, WireError> {
    assert_eq!(pictures.len(), request.references.len(), "every picture is handed over");
    let route = request.route;
    let mut scope = JobScope {
        model: model.api_id(route).to_owned(),
        prompt: request.prompt.clone(),
        negative_prompt: request.negative_prompt.clone(),
        duration: number(request.settings.duration),
        aspect: request.settings.aspect.clone(),
        resolution: request.settings.resolution.clone(),
        width: request.settings.width,
        height: request.settings.height,
        fps: request.settings.fps,
        seed: request.settings.seed,
        options: model.switched(&request.settings.options),
        route: route.as_str().to_owned(),
        attempt: key.to_owned(),
        handles: pictures.iter().any(|p| p.transport == Transport::Upload),
        values: values.clone(),
        variables: variables.clone(),
        ..JobScope::default()
    };
    for (at, (reference, handed)) in request.references.iter().zip(pictures).enumerate() {
        let picture = picture_scope(at, &reference.name, reference.role, handed);
        scope.pictures.push(picture.clone());
        match reference.role {
            Role::FirstFrame if scope.first.is_none() => scope.first = Some(picture),
            Role::LastFrame if scope.last.is_none() => scope.last = Some(picture),
            _ => scope.references.push(picture),
        }
    }
    if let Some(workflow) = &model.api.workflow {
        scope.workflow = Some(filled(workflow, &scope_of(&scope))?);
    }
    Ok(scope)
}

fn picture_scope(at: usize, name: &str, role: Role, handed: &Handed) -> PictureScope {
    let by = |transport: Transport| (handed.transport == transport).then(|| handed.value.clone());
    PictureScope {
        at,
        name: name.to_owned(),
        role: role.as_str().to_owned(),
        media_type: handed.media_type.clone(),
        file_name: handed.file_name.clone(),
        width: handed.width,
        height: handed.height,
        bytes: handed.bytes,
        uri: (handed.transport != Transport::File).then(|| handed.value.clone()),
        url: by(Transport::Url),
        data_uri: by(Transport::DataUri),
        base64: by(Transport::Base64),
        handle: by(Transport::Upload),
    }
}

/// Seconds as JSON: a whole number where it is one. Lengths have few decimals, so that the
/// nearest float is written with the same digits.
fn number(seconds: Decimal) -> Json {
    match seconds.to_i64().filter(|_| seconds.fract().is_zero()) {
        Some(whole) => Json::from(whole),
        None => Json::from(seconds.to_f64().unwrap_or_default()),
    }
}

/// The graph of a workflow with its slots filled. A slot without a value stays as it is.
fn filled(workflow: &Workflow, scope: &Scope) -> Result<Json, WireError> {
    let mut graph = workflow.graph.as_ref().map_or(Json::Null, |graph| graph.0.clone());
    for (pointer, shape) in &workflow.slots {
        let Some(value) = shape.render(scope)? else { continue };
        match graph.pointer_mut(pointer) {
            Some(slot) => *slot = value,
            None => {
                let why = "the workflow has no such slot".to_owned();
                return Err(WireError { expression: pointer.clone(), why });
            }
        }
    }
    Ok(graph)
}

/// The submission.
///
/// # Errors
/// When the card has no form for the job's route, or an expression can't be computed.
pub fn submission(
    card: &ProviderCard,
    model: &ModelCard,
    request: &Request,
    scope: &JobScope,
    base_url: &str,
) -> Result<HttpCall, WireError> {
    let name = model.form(request.route);
    let Some(form) = card.submit.forms.get(name) else {
        let why = format!("the provider `{}` has no request form `{name}`", card.provider);
        return Err(WireError { expression: format!("submit.forms.{name}"), why });
    };
    let built = Built { base_url, headers: &card.headers };
    built.call(form, Method::Post, model.body(request.route), &scope_of(scope))
}
