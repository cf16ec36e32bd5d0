//! The sidecar: what a clip was made of, by whom and for how much, as JSON beside it.
//!
//! It is made of the ledger's rows alone, so that making it again gives the same bytes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::{Basis, ClipRecord};
use crate::manifest::Role;
use crate::media::Format;
use crate::models::Route;
use crate::money::{Micros, Unit};
use crate::plan::Request;

/// Major and minor version of the sidecar. Readers refuse another major version and ignore
/// fields that they don't know.
pub const SIDECAR_FORMAT: &str = "1.0";

/// What a clip was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sidecar {
    /// Version of this form.
    pub format_version: String,
    /// The program and its version.
    pub generator: String,
    /// The job's address.
    pub job: String,
    /// `set.id` of the subject, if any.
    pub subject: Option<String>,
    /// The shot.
    pub shot: String,
    /// Which attempt of the job, from 1.
    pub attempt: u32,
    /// Provider.
    pub provider: String,
    /// The id by which the provider knows it.
    pub remote_id: Option<String>,
    /// Model.
    pub model: String,
    /// How it entered the model.
    pub route: Route,
    /// The prompt as sent.
    pub prompt: String,
    /// The negative prompt as sent.
    pub negative_prompt: Option<String>,
    /// Settings as sent.
    pub settings: SidecarSettings,
    /// Pictures, in the order in which the model got them.
    pub references: Vec<SidecarReference>,
    /// Digest of the request.
    pub fingerprint: String,
    /// What it cost.
    pub cost: SidecarCost,
    /// When.
    pub times: SidecarTimes,
    /// The clip.
    pub clip: SidecarClip,
    /// File name of the poster, beside the clip.
    pub poster: Option<String>,
}

/// Settings as sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarSettings {
    /// Seconds, a decimal string.
    pub duration: String,
    /// `W:H`.
    pub aspect: String,
    /// Name of the resolution.
    pub resolution: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second; absent when the model decided.
    pub fps: Option<u32>,
    /// Seed; absent when the model takes none.
    pub seed: Option<u64>,
}

/// A picture as sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarReference {
    /// Name.
    pub name: String,
    /// What it was for.
    pub role: Role,
    /// Path relative to the workspace.
    pub path: String,
    /// URL that it was fetched from, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// BLAKE3 digest of its bytes.
    pub digest: String,
    /// Format.
    pub format: Format,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
}

/// What it cost; amounts are decimal strings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarCost {
    /// Unit of both amounts.
    pub unit: String,
    /// What was reserved.
    pub estimate: String,
    /// What was settled.
    pub settled: String,
    /// Who says so; absent for what is free of charge by its own.
    pub basis: Option<Basis>,
}

/// When, as RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarTimes {
    /// When the intent was written, just before the submission.
    pub submitted: String,
    /// When the provider was first seen to have finished.
    pub ready: Option<String>,
}

/// The clip's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarClip {
    /// Path relative to the workspace.
    pub path: String,
    /// BLAKE3 digest of its bytes.
    pub digest: String,
    /// Bytes.
    pub bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Frames.
    pub frames: u32,
}

/// What a sidecar says beyond the request and the clip.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// Which attempt of the job, from 1.
    pub attempt: u32,
    /// The provider's id.
    pub remote_id: Option<String>,
    /// Unit of both amounts.
    pub unit: Unit,
    /// Reserved at the intent.
    pub estimate: Micros,
    /// Settled.
    pub settled: Micros,
    /// Who says so.
    pub basis: Option<Basis>,
    /// When the intent was written.
    pub submitted: Timestamp,
    /// When it was first seen finished.
    pub ready: Option<Timestamp>,
}

impl Sidecar {
    /// Of a published clip.
    pub fn of(
        request: &Request,
        from: &Provenance,
        clip: &ClipRecord,
        poster: Option<&str>,
    ) -> Self {
        let settings = &request.settings;
        Sidecar {
            format_version: SIDECAR_FORMAT.to_owned(),
            generator: concat!("kinora ", env!("CARGO_PKG_VERSION")).to_owned(),
            job: request.address.to_string(),
            subject: request.subject.clone(),
            shot: request.shot.clone(),
            attempt: from.attempt,
            provider: request.provider.clone(),
            remote_id: from.remote_id.clone(),
            model: request.model.clone(),
            route: request.route,
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            settings: SidecarSettings {
                duration: settings.duration.normalize().to_string(),
                aspect: settings.aspect.clone(),
                resolution: settings.resolution.clone(),
                width: settings.width,
                height: settings.height,
                fps: settings.fps,
                seed: settings.seed,
            },
            references: references_of(request),
            fingerprint: request.fingerprint.to_string(),
            cost: SidecarCost {
                unit: from.unit.to_string(),
                estimate: from.estimate.to_decimal().to_string(),
                settled: from.settled.to_decimal().to_string(),
                basis: from.basis,
            },
            times: SidecarTimes {
                submitted: from.submitted.to_string(),
                ready: from.ready.map(|at| at.to_string()),
            },
            clip: SidecarClip {
                path: clip.path.clone(),
                digest: clip.digest.to_string(),
                bytes: clip.bytes,
                width: clip.width,
                height: clip.height,
                duration_ms: clip.duration_ms,
                frames: clip.frames,
            },
            poster: poster.map(str::to_owned),
        }
    }

    /// As it is written: indented JSON with a newline at the end.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

fn references_of(request: &Request) -> Vec<SidecarReference> {
    let one = |reference: &crate::plan::RequestReference| SidecarReference {
        name: reference.name.clone(),
        role: reference.role,
        path: reference.path.clone(),
        source: reference.source.clone(),
        digest: reference.digest.to_string(),
        format: reference.format,
        width: reference.width,
        height: reference.height,
    };
    request.references.iter().map(one).collect()
}
