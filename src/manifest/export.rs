//! `export:` of the root manifest: what `kinora export` makes for which shop.
//!
//! What lives here: the mapping, and what can be told of it before anything is exported. What never
//! does: clips, files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::catalogue::{Shot, SubjectKind, SubjectSet, Template};
use super::load::{Loader, template};
use super::names::{self, Scope, Use};
use crate::cells::Cells;
use crate::diagnostic::{Finding, Findings, Place};
use crate::yaml::{OneOrMany, Placed, Text};

/// Where exports go when the manifest doesn't say.
const FOLDER: &str = "export";

/// What `kinora export` makes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Export")]
pub struct RawExport {
    /// The folder, relative to this file's; `export` if not given.
    pub to: Option<Text>,
    /// Who reads the CSV of results: a `spreadsheet`, where no text can run as a formula, or a
    /// program that gets every text `exact`; `spreadsheet` if not given.
    pub cells: Option<Cells>,
    /// What Shopify's Admin API needs to take the clips.
    pub shopify: Option<Placed<RawShopify>>,
    /// A supplemental feed for Google Merchant Center.
    pub google: Option<Placed<RawGoogle>>,
}

/// What Shopify's Admin API needs to take the clips.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Shopify")]
pub struct RawShopify {
    /// The shop's plan, which says how many videos Shopify hosts.
    pub plan: Option<ShopPlan>,
    /// How many videos Shopify hosts for this shop, whatever its plan.
    pub cap: Option<Placed<u64>>,
    /// How many it hosts already, 3D models among them.
    pub hosted: Option<Placed<u64>>,
    /// Template of a product's handle; the attribute `handle` if not given, else the subject's id.
    pub handle: Option<Text>,
    /// Template of a clip's text for those who can't see it; the attribute `title` if not given,
    /// else the handle.
    pub alt: Option<Text>,
    /// Which place the first clip gets among a product's media, from 1; at their end if not given.
    #[schemars(range(min = 1, max = 250))]
    pub position: Option<Placed<u32>>,
    /// Only clips whose subject, shot or job fits one of these patterns; all if not given.
    #[serde(default)]
    pub only: OneOrMany<Text>,
}

/// A supplemental feed for Google Merchant Center.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Google")]
pub struct RawGoogle {
    /// Template of the https URL under which your own hosting serves a clip.
    pub video_link: Text,
    /// Template of the product's id in Merchant Center; the subject's id if not given.
    pub id: Option<Text>,
    /// Only clips whose subject, shot or job fits one of these patterns; all if not given.
    #[serde(default)]
    pub only: OneOrMany<Text>,
}

/// A plan of Shopify's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShopPlan {
    /// Basic.
    Basic,
    /// Shopify, also called Grow.
    Shopify,
    /// Advanced.
    Advanced,
    /// Plus.
    Plus,
}

impl ShopPlan {
    /// As manifests and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            ShopPlan::Basic => "basic",
            ShopPlan::Shopify => "shopify",
            ShopPlan::Advanced => "advanced",
            ShopPlan::Plus => "plus",
        }
    }

    /// How many videos and 3D models Shopify hosts for such a shop; by arrangement for Plus.
    /// Source: shopify.dev, "Manage media for products", read 2026-11-23.
    pub fn cap(self) -> Option<u64> {
        match self {
            ShopPlan::Basic => Some(250),
            ShopPlan::Shopify => Some(1_000),
            ShopPlan::Advanced => Some(5_000),
            ShopPlan::Plus => None,
        }
    }
}

/// What `kinora export` makes, checked.
#[derive(Debug, Clone)]
pub struct Export {
    /// The folder, relative to the workspace.
    pub to: String,
    /// How texts stand in the CSV of results.
    pub cells: Cells,
    /// For Shopify.
    pub shopify: Option<ShopifyExport>,
    /// For Google.
    pub google: Option<GoogleExport>,
}

impl Default for Export {
    fn default() -> Self {
        Export { to: FOLDER.to_owned(), cells: Cells::Spreadsheet, shopify: None, google: None }
    }
}

/// What Shopify gets.
#[derive(Debug, Clone, Default)]
pub struct ShopifyExport {
    /// The shop's plan.
    pub plan: Option<ShopPlan>,
    /// How many videos it hosts, where the manifest says so itself.
    pub cap: Option<u64>,
    /// How many are hosted already.
    pub hosted: u64,
    /// Of a product's handle.
    pub handle: Option<Template>,
    /// Of a clip's alt text.
    pub alt: Option<Template>,
    /// The place of a product's first clip among its media, from 1.
    pub position: Option<u32>,
    /// Which clips; empty: all.
    pub only: Vec<glob::Pattern>,
}

impl ShopifyExport {
    /// How many videos may be hosted in all, where that is known.
    pub fn most(&self) -> Option<u64> {
        self.cap.or(self.plan.and_then(ShopPlan::cap))
    }
}

/// What Google gets.
#[derive(Debug, Clone)]
pub struct GoogleExport {
    /// Of a clip's URL.
    pub video_link: Template,
    /// Of a product's id.
    pub id: Option<Template>,
    /// Which clips; empty: all.
    pub only: Vec<glob::Pattern>,
}

/// The templates of `export:`, whose attributes a set must keep.
pub(super) fn templates(raw: &RawExport) -> impl Iterator<Item = &Text> {
    let shopify = raw.shopify.iter().flat_map(|s| s.value.handle.iter().chain(&s.value.alt));
    let google =
        raw.google.iter().flat_map(|g| std::iter::once(&g.value.video_link).chain(&g.value.id));
    shopify.chain(google)
}

impl Loader<'_> {
    /// `export:` of the root manifest.
    pub(super) fn export(
        &mut self,
        raw: Option<&RawExport>,
        sets: &[SubjectSet],
        shots: &[Shot],
    ) -> Export {
        let Some(raw) = raw else { return Export::default() };
        let axes = shots.iter().flat_map(|shot| shot.axes.iter().map(|axis| &*axis.name));
        let scope = Scope {
            purpose: Use::Export,
            sets: sets.iter().filter(|set| set.kind == SubjectKind::Product).collect(),
            with: Vec::new(),
            axes: axes.collect(),
            channel: false,
            env: &self.env,
        };
        for text in templates(raw) {
            names::check(text, &scope, &self.limits, &self.sources, &mut self.findings);
        }
        let to = raw.to.as_ref().map(|to| (to.trim().to_owned(), to.place));
        if let Some((to, place)) = &to
            && !stays_inside(to)
        {
            self.findings.push(
                wrong("exports go to a folder below the manifest's own", *place)
                    .help("`kinora export --to DIR` writes to any folder"),
            );
        }
        if let Some(google) = &raw.google {
            let link = &google.value.video_link;
            if !link.trim_start().starts_with("https://") && !link.trim_start().starts_with("{{") {
                self.findings.push(
                    wrong("a video link begins with `https://`", link.place)
                        .help("for instance \"https://cdn.example.com/{{ file }}\""),
                );
            } else if !link.contains("{{") {
                self.findings.push(
                    wrong("every clip would have this same URL", link.place)
                        .help("for instance \"https://cdn.example.com/{{ file }}\""),
                );
            }
        }
        let findings = &mut self.findings;
        Export {
            to: to.map_or_else(|| FOLDER.to_owned(), |(to, _)| to),
            cells: raw.cells.unwrap_or(Cells::Spreadsheet),
            shopify: raw.shopify.as_ref().map(|s| shopify(&s.value, findings)),
            google: raw.google.as_ref().map(|g| GoogleExport {
                video_link: template(&g.value.video_link),
                id: g.value.id.as_ref().map(template),
                only: patterns(&g.value.only, findings),
            }),
        }
    }
}

fn shopify(raw: &RawShopify, findings: &mut Findings) -> ShopifyExport {
    ShopifyExport {
        plan: raw.plan,
        cap: raw.cap.as_ref().map(|cap| cap.value),
        hosted: raw.hosted.as_ref().map_or(0, |hosted| hosted.value),
        handle: raw.handle.as_ref().map(template),
        alt: raw.alt.as_ref().map(template),
        position: raw.position.as_ref().map(|position| position.value),
        only: patterns(&raw.only, findings),
    }
}

fn patterns(written: &OneOrMany<Text>, findings: &mut Findings) -> Vec<glob::Pattern> {
    let mut patterns = Vec::new();
    for pattern in &written.items {
        match glob::Pattern::new(pattern.trim()) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => findings.push(wrong(error.msg, pattern.place)),
        }
    }
    patterns
}

/// Whether a folder is below the workspace by its words alone.
fn stays_inside(folder: &str) -> bool {
    use std::path::{Component, Path};
    let mut parts = Path::new(folder).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn wrong(message: &str, place: Place) -> Finding {
    Finding::error("manifest::wrong_value", message).at(place, "this value")
}
