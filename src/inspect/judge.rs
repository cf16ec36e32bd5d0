//! From measures and uses to findings.
//!
//! What lives here: which findings there are, in one order. What never does: pixels, words about
//! the whole (that is the report).

mod alone;
mod owners;
mod sent;
mod together;

pub use owners::{Owner, Owners};

use super::finding::{Code, ReferenceFinding};
use super::look::Looked;
use super::uses::Uses;
use crate::diagnostic::{Finding, Findings};
use crate::manifest::Catalogue;
use crate::media::PictureId;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Judging<'a> {
    /// The catalogue, its pictures probed.
    pub catalogue: &'a Catalogue,
    /// What was measured.
    pub looked: &'a Looked,
    /// What the plan's jobs do with the pictures.
    pub uses: &'a Uses,
    /// What planning said; of it, what is about a picture that a model can't have.
    pub planned: &'a Findings,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Whose each picture is.
    pub owners: Owners,
    /// Errors first, then by code, then by picture.
    pub findings: Vec<ReferenceFinding>,
}

/// Judges every picture.
pub fn judge(judging: Judging<'_>) -> Judged {
    let owners = Owners::of_catalogue(judging.catalogue);
    let mut findings = Vec::new();
    for (id, _) in judging.catalogue.pictures.iter() {
        alone::judge(judging, owners.of(id), id, &mut findings);
    }
    together::judge(judging, &owners, &mut findings);
    sent::judge(judging, &mut findings);
    refused(judging, &mut findings);
    findings.sort_by(|a, b| {
        let key = |f: &ReferenceFinding| (f.severity, f.code, f.picture);
        key(a).cmp(&key(b)).then_with(|| (&a.model, &a.message).cmp(&(&b.model, &b.message)))
    });
    Judged { owners, findings }
}

/// What the plan refuses, beside each picture.
fn refused(judging: Judging<'_>, findings: &mut Vec<ReferenceFinding>) {
    let pictures = &judging.catalogue.pictures;
    let by_path: std::collections::HashMap<&str, PictureId> =
        pictures.iter().map(|(id, picture)| (&*picture.path, id)).collect();
    let about = |finding: &Finding| {
        let id = *by_path.get(finding.picture.as_deref()?)?;
        // What can't be read has been said in other words.
        judging.looked.of(id).is_ok().then_some(id)
    };
    for finding in judging.planned.items() {
        let Some(id) = about(finding) else { continue };
        let mut said = ReferenceFinding::new(Code::Refused, id, finding.message.clone());
        said.severity = finding.severity;
        said.advice = finding.help.clone();
        findings.push(said);
    }
}
