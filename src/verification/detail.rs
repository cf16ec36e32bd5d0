//! What is kept of a check beside score and verdict: small, for reports, as JSON in the ledger.
//!
//! What never lives here: pictures (see `evidence`), and how anything is measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::ClipVerdict;
use crate::manifest::Role;

/// What looking at one clip found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Detail {
    /// Why it was not inspected, or what of it was not; in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The weakest of each part over all references.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<DetailPart>,
    /// Each reference, in the request's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ReferenceDetail>,
    /// What the clip does over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_time: Option<OverTimeDetail>,
    /// What other judges said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<JudgeDetail>,
    /// The picture that shows it, relative to the workspace; absent where there is nothing to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetailPart {
    /// `structure`, `colour`, `shape`, `detail`, `presence`, `look`, `motion` or `steadiness`.
    pub name: String,
    /// 0 to 100.
    pub score: u8,
    /// What was found, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceDetail {
    /// Its name, as mentioned.
    pub name: String,
    /// What it was given for.
    pub role: Role,
    /// Under the thresholds of its role.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<DetailPart>,
    /// In how many of the frames that were looked at its subject was found, in percent.
    #[serde(default)]
    pub present: u8,
    /// When its worst frame is shown, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_ms: Option<u64>,
    /// Its subject's own colour in the clip, light discounted, as CIE Lab in tenths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<[i16; 3]>,
    /// What differs, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<DetailMark>,
}

/// A region of the worst frame in which something differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetailMark {
    /// What differs: `detail` or `colour`.
    pub part: String,
    /// Its left, upper, right and lower edge in the frame, in thousandths of its sides.
    pub place: [u16; 4],
}

/// What a clip does over time, whatever its references.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverTimeDetail {
    /// How far the subject went away from its references between beginning and end; points of a
    /// score.
    pub drift: u8,
    /// Frames at which the picture changed at once.
    pub jumps: u32,
    /// Light going to and fro, in tenths of CIE L*.
    pub flicker: u16,
    /// Nothing moves.
    pub still: bool,
}

/// What another judge said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeDetail {
    /// Its name in the manifest.
    pub name: String,
    /// Under its own thresholds.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// What it said, or why it said nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
