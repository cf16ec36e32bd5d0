//! Evidence: for each clip, what was generated, when, from which pictures, by which model, and under
//! whose approval. For whoever has to label clips or answer for them; it judges nothing.
//!
//! A file of evidence is made of the ledger's rows alone, and of whether the clip carries Content
//! Credentials now. It says more than the sidecar, which is written before there is a plan's
//! approval to be named: the same facts, with the approval around them.

use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::ExportError;
use super::book::{is_ai, request_of};
use super::check::{Weakest, detail_of};
use super::clip::Clip;
use crate::digest::Digest;
use crate::ledger::{
    Approval, AttemptRecord, Check, ClipRecord, ClipVerdict, Origin, Shown, Verdict, Word, Words,
};
use crate::media::c2pa::Credentials;
use crate::money::Unit;
use crate::providers::RemoteId;
use crate::run::{Provenance, Sidecar};
use crate::verification::Detail;

/// Version of a file of evidence. Readers refuse another major version and ignore fields that they
/// don't know.
pub const EVIDENCE_FORMAT: &str = "1.1";

/// What was generated, from what, by what, when, and under whose approval.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Evidence {
    /// Version of this form.
    pub format_version: String,
    /// Random name of the ledger that it is from.
    pub ledger: Option<String>,
    /// Whether a trained model made the clip; false for the renderer in the box, which moves the
    /// pictures that it is given.
    pub ai_generated: bool,
    /// What the prompt said, by its digest.
    pub prompt_digest: String,
    /// Content Credentials in the clip.
    pub c2pa: ClipCredentials,
    /// Under whose approval it was made; absent where the ledger names none.
    pub approval: Option<EvidenceApproval>,
    /// The plan in which the job was approved.
    pub plan: String,
    /// Account at the provider; empty where there is only one.
    pub account: String,
    /// When the clip was published, RFC 3339 in UTC.
    pub made: String,
    /// How the clip compares with its references; absent where nobody looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<EvidenceCheck>,
    /// What a person said last of the clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<EvidenceWord>,
    /// The request, the clip, its cost and its times, as the sidecar beside the clip says them.
    pub made_of: Sidecar,
}

/// Content Credentials (C2PA) in a clip, found and not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "C2pa")]
pub struct ClipCredentials {
    /// Whether the clip's file carries a manifest; absent where the file can't be read now.
    pub manifest_present: Option<bool>,
    /// Bytes of the boxes that hold it.
    pub bytes: Option<u64>,
    /// Whether a box promises a manifest and has none.
    pub damaged: bool,
}

/// An approval, as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceApproval {
    /// Its number in the ledger.
    pub id: i64,
    /// Who.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// How it came about.
    pub origin: Origin,
    /// The plan that it names. Where it is another than the clip's own, it covered the clip's job
    /// as part of a larger plan.
    pub plan: String,
    /// The most that could be held under it.
    pub ceiling: String,
    /// Unit of the ceiling.
    pub unit: String,
    /// Why, in the approver's words.
    pub note: Option<String>,
    /// From when on it held no more; absent: it has no end.
    pub expires: Option<String>,
    /// When it was taken back, which lets stand what was begun before.
    pub revoked: Option<String>,
    /// What the approver was shown of the plan.
    pub shown: Option<Shown>,
    /// Digest of its text.
    pub digest: Option<String>,
    /// The public key that it is signed with; absent where it is not.
    pub key: Option<String>,
    /// The signature over its text, in base64; absent with the key.
    pub signature: Option<String>,
}

/// What looking at a clip came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceCheck {
    /// Under the thresholds of that time.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    pub score: Option<u8>,
    /// What of it is least like its references.
    pub weakest: Option<Weakest>,
    /// What measured it, with its version.
    pub measure: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Parts, references, other judges.
    #[serde(flatten)]
    pub detail: Detail,
}

/// What a person said of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceWord {
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// One line of the index of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidenceLine {
    /// The clip, relative to the workspace.
    pub clip: String,
    /// BLAKE3 digest of its bytes.
    pub clip_digest: String,
    /// The file of evidence, relative to the export's folder.
    pub evidence: String,
    /// BLAKE3 digest of the file's bytes.
    pub evidence_digest: String,
    /// The job's address.
    pub job: String,
    /// Which attempt of the job, from 1.
    pub attempt: u32,
    /// Provider.
    pub provider: String,
    /// Model.
    pub model: String,
    /// Whether a trained model made the clip.
    pub ai_generated: bool,
    /// When the clip was published, RFC 3339 in UTC.
    pub made: String,
    /// Who approved it.
    pub approved_by: Option<String>,
}

/// What evidence needs of the ledger beside the attempt.
pub(super) struct Record<'a> {
    pub lineage: Option<String>,
    pub unit: Unit,
    pub approvals: BTreeMap<i64, Approval>,
    /// Under which approval an attempt was begun.
    pub under: BTreeMap<i64, i64>,
    pub words: Words,
    pub workspace: &'a std::path::Path,
}

impl Record<'_> {
    /// The evidence of an attempt's clip.
    pub fn evidence(
        &self,
        attempt: &AttemptRecord,
        record: &ClipRecord,
        check: Option<Check>,
    ) -> Result<(Evidence, Clip), ExportError> {
        let clip = Clip::look(self.workspace, record.clone());
        let request = request_of(attempt)?;
        let from = Provenance {
            attempt: attempt.number,
            remote_id: attempt.remote_id.as_deref().map(|id| RemoteId::from_stored(id).id),
            unit: self.unit.clone(),
            estimate: attempt.estimate,
            settled: attempt.settled,
            basis: attempt.basis,
            submitted: attempt.started,
            ready: attempt.ready,
        };
        let approval = self.under.get(&attempt.id).and_then(|id| self.approvals.get(id));
        let evidence = Evidence {
            format_version: EVIDENCE_FORMAT.to_owned(),
            ledger: self.lineage.clone(),
            ai_generated: is_ai(&attempt.provider),
            prompt_digest: Digest::of(request.prompt.as_bytes()).to_string(),
            c2pa: ClipCredentials {
                manifest_present: clip.has_manifest(),
                bytes: match clip.credentials {
                    Some(Credentials::Present { bytes }) => Some(bytes),
                    _ => None,
                },
                damaged: clip.credentials == Some(Credentials::Damaged),
            },
            approval: approval.map(EvidenceApproval::of),
            plan: attempt.plan.to_string(),
            account: attempt.account.clone(),
            made: attempt.updated.to_string(),
            check: check.as_ref().map(EvidenceCheck::of),
            word: self.words.of_clip(attempt.id).map(EvidenceWord::of),
            made_of: Sidecar::of(&request, &from, record, None),
        };
        Ok((evidence, clip))
    }
}

impl EvidenceCheck {
    fn of(check: &Check) -> Self {
        let detail = detail_of(check);
        EvidenceCheck {
            verdict: check.verdict,
            score: check.score,
            weakest: Weakest::of(check.verdict, check.score, &detail),
            measure: check.measure.clone(),
            at: check.at.to_string(),
            detail,
        }
    }
}

impl EvidenceWord {
    fn of(word: &Word) -> Self {
        EvidenceWord {
            verdict: word.verdict,
            by: word.by.clone(),
            note: word.note.clone(),
            at: word.at.to_string(),
        }
    }
}

impl EvidenceApproval {
    fn of(approval: &Approval) -> Self {
        EvidenceApproval {
            id: approval.id,
            by: approval.by.clone(),
            at: approval.at.to_string(),
            origin: approval.origin,
            plan: approval.plan.to_string(),
            ceiling: approval.ceiling.to_decimal().normalize().to_string(),
            unit: approval.unit.to_string(),
            note: approval.note.clone(),
            expires: approval.expires.map(|at| at.to_string()),
            revoked: approval.revoked.as_ref().map(|revoked| revoked.at.to_string()),
            shown: approval.shown.clone(),
            digest: approval.digest.map(|digest| digest.to_string()),
            key: approval.signature.as_ref().map(|signature| signature.key.clone()),
            signature: approval
                .signature
                .as_ref()
                .map(|signature| data_encoding::BASE64.encode(&signature.bytes)),
        }
    }
}

impl Evidence {
    /// As it is written: indented JSON with a newline at the end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON") + "\n"
    }

    /// Its line in the index.
    pub(super) fn line(&self, path: &str, bytes: &[u8]) -> EvidenceLine {
        EvidenceLine {
            clip: self.made_of.clip.path.clone(),
            clip_digest: self.made_of.clip.digest.clone(),
            evidence: path.to_owned(),
            evidence_digest: Digest::of(bytes).to_string(),
            job: self.made_of.job.clone(),
            attempt: self.made_of.attempt,
            provider: self.made_of.provider.clone(),
            model: self.made_of.model.clone(),
            ai_generated: self.ai_generated,
            made: self.made.clone(),
            approved_by: self.approval.as_ref().map(|approval| approval.by.clone()),
        }
    }
}

/// Where the evidence of a clip goes, below the export's folder: beside those that are `taken`. Two
/// attempts that made equal bytes share a path, and each has evidence of its own.
pub(super) fn path_of(clip: &ClipRecord, attempt: i64, taken: &mut HashSet<String>) -> String {
    let stem = clip.path.strip_suffix(".mp4").unwrap_or(&clip.path);
    let path = format!("evidence/{stem}.json");
    if taken.insert(path.clone()) {
        return path;
    }
    let path = format!("evidence/{stem}.attempt-{attempt}.json");
    taken.insert(path.clone());
    path
}
