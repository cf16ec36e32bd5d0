//! What Shopify's Admin API needs to take the clips: the inputs of its calls, as lines of JSON.
//!
//! A program of the shop's own reads them: for each `upload` it asks for a place to upload to, and
//! uploads the file there; for each `media` it puts in the product's id and the `resourceUrl` that
//! it got. Kinora itself asks no shop for anything.
//!
//! Sources, all read 2026-11-23: shopify.dev, "Manage media for products"; `StagedUploadInput`
//! (`fileSize` is needed for videos), `CreateMediaInput`, `productUpdate`, `productReorderMedia`
//! (positions count from 0) of the GraphQL Admin API, version 2026-10.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::book::{Job, Line};
use super::clip::Clip;
use super::fill::Fill;
use super::notes::{Note, Notes};
use crate::diagnostic::{Finding, Findings};
use crate::digest::Digest;
use crate::manifest::{Catalogue, ShopPlan, ShopifyExport};
use crate::template::Engine;

/// Version of the lines. Readers refuse another major version and ignore fields they don't know.
pub const SHOPIFY_FORMAT: &str = "1.0";

/// The version of the API that the calls are of.
const API: &str = "2026-10";
/// Most bytes and milliseconds of a video that Shopify hosts.
const MOST_BYTES: u64 = 1_000_000_000;
const MOST_MS: u64 = 600_000;
/// Most media of a product.
const MOST_MEDIA: u32 = 250;
/// Most characters of an alt text.
const MOST_ALT: usize = 512;

const STAGED_UPLOADS_CREATE: &str = "mutation stagedUploadsCreate($input: [StagedUploadInput!]!) { \
     stagedUploadsCreate(input: $input) { stagedTargets { url resourceUrl parameters { name value } } \
     userErrors { field message } } }";
const PRODUCT_UPDATE: &str = "mutation productUpdate($product: ProductUpdateInput!, $media: \
     [CreateMediaInput!]) { productUpdate(product: $product, media: $media) { product { media(last: 1) \
     { nodes { id } } } userErrors { field message } } }";
const PRODUCT_REORDER_MEDIA: &str = "mutation productReorderMedia($id: ID!, $moves: [MoveInput!]!) { \
     productReorderMedia(id: $id, moves: $moves) { job { id } mediaUserErrors { field message } } }";
const PRODUCT_BY_HANDLE: &str = "query productByIdentifier($identifier: ProductIdentifierInput!) { \
     productByIdentifier(identifier: $identifier) { id } }";

/// One line of the file: first the shop, then for each clip its upload and its media call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum ShopifyLine {
    /// What the file is, and the documents of the calls.
    Shop {
        /// Version of this form.
        format_version: String,
        /// Version of the Admin API that the calls are of.
        api: String,
        /// The shop's plan, where the manifest says it.
        plan: Option<String>,
        /// Most videos and 3D models that it hosts, where that is known.
        cap: Option<u64>,
        /// How many it hosts already, by the manifest.
        hosted: u64,
        /// The calls by name, as GraphQL documents.
        #[schemars(with = "std::collections::BTreeMap<String, String>")]
        calls: std::collections::BTreeMap<&'static str, &'static str>,
    },
    /// A file to be uploaded.
    Upload {
        /// The digest of the clip, by which its media lines name it.
        upload: String,
        /// The file, relative to the workspace.
        file: String,
        /// Which call.
        call: &'static str,
        /// Its variables, complete.
        variables: UploadVariables,
        /// Whether it goes beyond what the shop's plan hosts.
        beyond_cap: bool,
    },
    /// A clip to be added to a product.
    Media {
        /// The job.
        job: String,
        /// The product's handle.
        handle: String,
        /// Which clip of the product it is, from 1.
        number: u32,
        /// The upload that must have happened.
        upload: String,
        /// Which call.
        call: &'static str,
        /// Its variables. `{product_id}` stands for the product's id and `{resource_url}` for the
        /// `resourceUrl` that the upload got.
        variables: MediaVariables,
        /// Where it is to stand; absent: at the end.
        reorder: Option<Reorder>,
        /// Whether it goes beyond what the shop's plan hosts.
        beyond_cap: bool,
    },
}

/// Variables of `stagedUploadsCreate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UploadVariables {
    /// One file.
    pub input: [StagedUpload; 1],
}

/// `StagedUploadInput`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StagedUpload {
    /// `VIDEO`.
    pub resource: &'static str,
    /// The file's name.
    pub filename: String,
    /// `video/mp4`.
    pub mime_type: &'static str,
    /// Bytes, exactly, as text: the API's numbers of 64 bits are.
    pub file_size: String,
    /// `POST`.
    pub http_method: &'static str,
}

/// Variables of `productUpdate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MediaVariables {
    /// The product.
    pub product: ProductId,
    /// One clip.
    pub media: [Media; 1],
}

/// `ProductUpdateInput`, as far as media need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProductId {
    /// `{product_id}`, to be replaced.
    pub id: &'static str,
}

/// `CreateMediaInput`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// `{resource_url}`, to be replaced.
    pub original_source: &'static str,
    /// For those who can't see it.
    pub alt: String,
    /// `VIDEO`.
    pub media_content_type: &'static str,
}

/// What puts a clip in its place, once its media has an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reorder {
    /// Which call.
    pub call: &'static str,
    /// From 0, as text: `newPosition` of its `MoveInput`.
    pub new_position: String,
}

/// The file as it grows.
pub(super) struct Shopify<'e, 's, W: Write> {
    out: W,
    settings: &'s ShopifyExport,
    handle: Option<Fill<'e, 's>>,
    alt: Option<Fill<'e, 's>>,
    /// Clips that have an upload, and whether that goes beyond what the shop hosts.
    uploaded: HashMap<Digest, bool>,
    /// Clips by handle.
    numbers: HashMap<String, u32>,
    pub clips: u64,
}

impl<'e, 's, W: Write> Shopify<'e, 's, W> {
    /// Writes the first line.
    pub fn new(out: W, engine: &'e Engine<'s>, settings: &'s ShopifyExport) -> io::Result<Self> {
        let mut shopify = Shopify {
            out,
            settings,
            handle: settings.handle.as_ref().map(|handle| Fill::text(engine, handle)),
            alt: settings.alt.as_ref().map(|alt| Fill::text(engine, alt)),
            uploaded: HashMap::new(),
            numbers: HashMap::new(),
            clips: 0,
        };
        shopify.put(&ShopifyLine::Shop {
            format_version: SHOPIFY_FORMAT.to_owned(),
            api: API.to_owned(),
            plan: settings.plan.map(|plan| plan.as_str().to_owned()),
            cap: settings.most(),
            hosted: settings.hosted,
            calls: [
                ("stagedUploadsCreate", STAGED_UPLOADS_CREATE),
                ("productByIdentifier", PRODUCT_BY_HANDLE),
                ("productUpdate", PRODUCT_UPDATE),
                ("productReorderMedia", PRODUCT_REORDER_MEDIA),
            ]
            .into_iter()
            .collect(),
        })?;
        Ok(shopify)
    }

    /// Adds a product's clip.
    pub fn add(
        &mut self,
        catalogue: &Arc<Catalogue>,
        line: &Line,
        (job, clip): (&Job, &Clip),
        notes: &mut Notes,
    ) -> io::Result<()> {
        if !job.fits(line, &self.settings.only) {
            return Ok(());
        }
        let attribute = |name: &str| attribute(catalogue, line, name);
        let handle = match &mut self.handle {
            Some(handle) => handle.of(catalogue, line, job),
            None => Some(attribute("handle").unwrap_or_else(|| line.id.clone())),
        };
        let alt = match &mut self.alt {
            Some(alt) => alt.of(catalogue, line, job),
            None => attribute("title").or_else(|| handle.clone()),
        };
        let (Some(handle), Some(alt)) = (handle, alt) else { return Ok(()) };
        if handle.is_empty() {
            notes.add(Note::Nameless, || job.address.to_string());
            return Ok(());
        }
        let record = &clip.record;
        if record.bytes > MOST_BYTES || record.duration_ms > MOST_MS {
            notes.add(Note::TooLarge, || record.path.clone());
        }
        let count = self.numbers.entry(handle.clone()).or_default();
        *count += 1;
        let number = *count;
        if number == MOST_MEDIA + 1 {
            notes.add(Note::TooMany, || handle.clone());
        }
        let beyond_cap = match self.uploaded.get(&record.digest) {
            Some(beyond_cap) => *beyond_cap,
            None => {
                self.clips += 1;
                let all = self.settings.hosted.saturating_add(self.clips);
                let beyond_cap = self.settings.most().is_some_and(|most| all > most);
                self.uploaded.insert(record.digest, beyond_cap);
                self.put(&upload(clip, beyond_cap))?;
                beyond_cap
            }
        };
        let reorder = self.settings.position.map(|first| Reorder {
            call: "productReorderMedia",
            new_position: (u64::from(first) - 1 + u64::from(number) - 1).to_string(),
        });
        self.put(&ShopifyLine::Media {
            job: job.address.to_string(),
            handle,
            number,
            upload: record.digest.to_string(),
            call: "productUpdate",
            variables: MediaVariables {
                product: ProductId { id: "{product_id}" },
                media: [Media {
                    original_source: "{resource_url}",
                    alt: alt.chars().take(MOST_ALT).collect(),
                    media_content_type: "VIDEO",
                }],
            },
            reorder,
            beyond_cap,
        })
    }

    fn put(&mut self, line: &ShopifyLine) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    /// Says what is above the shop's caps, and what went wrong with the templates; gives the sink
    /// back, and whether anything went wrong.
    pub fn finish(self, findings: &mut Findings) -> (W, bool) {
        cap_finding(self.settings, self.clips).into_iter().for_each(|f| findings.push(f));
        let handle = self.handle.is_some_and(|handle| handle.findings(findings));
        let alt = self.alt.is_some_and(|alt| alt.findings(findings));
        (self.out, handle || alt)
    }
}

fn upload(clip: &Clip, beyond_cap: bool) -> ShopifyLine {
    ShopifyLine::Upload {
        upload: clip.record.digest.to_string(),
        file: clip.record.path.clone(),
        call: "stagedUploadsCreate",
        variables: UploadVariables {
            input: [StagedUpload {
                resource: "VIDEO",
                filename: clip.name().to_owned(),
                mime_type: "video/mp4",
                file_size: clip.record.bytes.to_string(),
                http_method: "POST",
            }],
        },
        beyond_cap,
    }
}

/// What is to be said of the number of videos that the shop would host then.
fn cap_finding(settings: &ShopifyExport, clips: u64) -> Option<Finding> {
    let code = "export::shopify_cap";
    let all = settings.hosted.saturating_add(clips);
    let basic = ShopPlan::Basic.cap().unwrap_or(u64::MAX);
    let Some(most) = settings.most() else {
        let by_arrangement = settings.plan == Some(ShopPlan::Plus);
        return (all > basic && !by_arrangement).then(|| {
            let message = format!(
                "Shopify would host {all} videos of this shop, and how many its plan allows is not \
                 known: {basic} on Basic, 1,000 on Shopify, 5,000 on Advanced"
            );
            let help = "say `export: {shopify: {plan: basic, hosted: N}}`, with how many are hosted already";
            Finding::warning(code, message).help(help)
        });
    };
    (all > most).then(|| {
        let of_plan = match (settings.cap, settings.plan) {
            (None, Some(plan)) => format!("the plan `{}`", plan.as_str()),
            _ => "this shop".to_owned(),
        };
        let beyond = (all - most).min(clips);
        let message = format!(
            "Shopify hosts at most {most} videos and 3D models for {of_plan}: with the {} that are \
             there, {beyond} of these {clips} do not fit",
            settings.hosted
        );
        let help = "those have `beyond_cap: true`; choose fewer with `export: {shopify: {only: [SHOT]}}`, \
                    or host them elsewhere";
        Finding::warning(code, message).help(help)
    })
}

/// An attribute of a line's subject that is not empty.
fn attribute(catalogue: &Catalogue, line: &Line, name: &str) -> Option<String> {
    let at = line.subject?;
    let set = &catalogue.sets[at.set as usize];
    let text = set.subjects[at.subject as usize].row.get(set.columns.position(name)?)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
