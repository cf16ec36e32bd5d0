//! A clip's check as exports and reports say it: what of it is weakest, and why, in a sentence.
//!
//! What never lives here: looking at clips, and verdicts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::{Check, ClipVerdict, Verdict};
use crate::manifest::OnFail;
use crate::verification::Detail;

/// What stands for the part of a score that another judge gave.
const JUDGE: &str = "judge";

/// What of a clip is least like its references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weakest {
    /// The part of the score, or `judge`.
    pub part: String,
    /// Of which reference, or which judge; absent where it is the clip's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// 0 to 100.
    pub score: u8,
    /// What was found, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Weakest {
    /// The weakest that led to the verdict; absent where nothing is short of 100, or nothing was
    /// looked at.
    pub fn of(verdict: ClipVerdict, score: Option<u8>, detail: &Detail) -> Option<Self> {
        let mut candidates: Vec<((ClipVerdict, u8), Weakest)> = Vec::new();
        for reference in &detail.references {
            let Some(whole) = reference.score else { continue };
            let Some(part) = reference.parts.iter().min_by_key(|part| part.score) else { continue };
            let weakest = Weakest {
                part: part.name.clone(),
                of: Some(reference.name.clone()),
                score: part.score,
                note: part.note.clone(),
            };
            candidates.push(((reference.verdict, whole), weakest));
        }
        for judge in &detail.judges {
            let Some(score) = judge.score else { continue };
            let weakest = Weakest {
                part: JUDGE.to_owned(),
                of: Some(judge.name.clone()),
                score,
                note: judge.note.clone(),
            };
            candidates.push(((judge.verdict, score), weakest));
        }
        let is_of_a_reference = |name: &str| {
            detail.references.iter().flat_map(|r| &r.parts).any(|part| part.name == name)
        };
        for part in detail.parts.iter().filter(|part| !is_of_a_reference(&part.name)) {
            // Of the clip's own parts only one that sets the score led to the verdict.
            let led = Some(part.score) == score;
            let verdict = if led { verdict } else { ClipVerdict::Pass };
            let weakest = Weakest {
                part: part.name.clone(),
                of: None,
                score: part.score,
                note: part.note.clone(),
            };
            candidates.push(((verdict, part.score), weakest));
        }
        let (_, weakest) = candidates.into_iter().min_by_key(|(rank, _)| *rank)?;
        (weakest.score < 100).then_some(weakest)
    }

    /// What it is, in few words: `colour of hero`, `judge brand`, `motion`.
    pub fn name(&self) -> String {
        match &self.of {
            Some(judge) if self.part == JUDGE => format!("{JUDGE} {judge}"),
            Some(reference) => format!("{} of {reference}", self.part),
            None => self.part.clone(),
        }
    }

    /// As a sentence without its end: `colour of hero 41: colours are 6.2 apart`.
    pub fn said(&self) -> String {
        let (name, score) = (self.name(), self.score);
        if self.note.is_empty() {
            format!("{name} {score}")
        } else {
            format!("{name} {score}: {}", self.note)
        }
    }
}

/// A check without what only a page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckBrief {
    /// What it means.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    pub score: Option<u8>,
    /// What is weakest.
    pub weakest: Option<Weakest>,
    /// What was not looked at and why, and what else there is to say.
    pub notes: Vec<String>,
}

impl CheckBrief {
    /// Of a check of the ledger. One whose detail can't be read still has its verdict.
    pub fn of(check: &Check) -> Self {
        let detail = detail_of(check);
        CheckBrief {
            verdict: check.verdict,
            score: check.score,
            weakest: Weakest::of(check.verdict, check.score, &detail),
            notes: detail.notes,
        }
    }

    /// Verdict and score, for people: `fail 41`, `not inspected`.
    pub fn short(&self) -> String {
        verdict_and_score(self.verdict, self.score)
    }

    /// Whether a person should look at the clip.
    pub fn wants_a_look(&self) -> bool {
        self.verdict != ClipVerdict::Pass
    }

    /// What is weakest, in few words, or nothing.
    pub fn weakest_name(&self) -> String {
        self.weakest.as_ref().map(Weakest::name).unwrap_or_default()
    }

    /// What was found there; where it was not inspected, why.
    pub fn weakest_note(&self) -> String {
        match &self.weakest {
            Some(weakest) => weakest.note.clone(),
            None => self.notes.join("; "),
        }
    }
}

/// What a check found, as the ledger keeps it; nothing of one that can't be read.
pub(crate) fn detail_of(check: &Check) -> Detail {
    serde_json::from_str(&check.detail).unwrap_or_else(|e| Detail {
        notes: vec![format!("the ledger's detail of this check can't be read: {e}")],
        ..Detail::default()
    })
}

/// Verdict and score, for people: `fail 41`, `not inspected`.
pub(crate) fn verdict_and_score(verdict: ClipVerdict, score: Option<u8>) -> String {
    let word = verdict_word(verdict);
    score.map_or_else(|| word.to_owned(), |score| format!("{word} {score}"))
}

/// A verdict as people read it.
pub(crate) fn verdict_word(verdict: ClipVerdict) -> &'static str {
    match verdict {
        ClipVerdict::NotInspected => "not inspected",
        other => other.as_str(),
    }
}

/// Whether a clip is kept from shops: it fails, that holds it, and nobody accepted it.
pub(crate) fn is_held(
    on_fail: Option<OnFail>,
    verdict: Option<ClipVerdict>,
    word: Option<Verdict>,
) -> bool {
    on_fail == Some(OnFail::Hold)
        && verdict == Some(ClipVerdict::Fail)
        && word != Some(Verdict::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Role;
    use crate::verification::{DetailPart, JudgeDetail, ReferenceDetail};

    fn part(name: &str, score: u8, note: &str) -> DetailPart {
        DetailPart { name: name.into(), score, note: note.into() }
    }

    fn reference(name: &str, verdict: ClipVerdict, parts: Vec<DetailPart>) -> ReferenceDetail {
        ReferenceDetail {
            name: name.into(),
            role: Role::Identity,
            verdict,
            score: parts.iter().map(|part| part.score).min(),
            parts,
            present: 100,
            worst_ms: None,
            lab: None,
            marks: Vec::new(),
        }
    }

    #[test]
    fn the_reference_that_led_to_the_verdict_is_named_before_a_lower_one_that_passes() {
        let lenient = reference("mood", ClipVerdict::Pass, vec![part("look", 30, "darker")]);
        let strict = reference(
            "hero",
            ClipVerdict::Fail,
            vec![part("shape", 99, ""), part("colour", 55, "pink")],
        );
        let detail = Detail { references: vec![lenient, strict], ..Detail::default() };
        let weakest = Weakest::of(ClipVerdict::Fail, Some(30), &detail).expect("one");
        assert_eq!(weakest.said(), "colour of hero 55: pink");
    }

    #[test]
    fn a_clip_that_stands_still_and_a_judge_are_named_too() {
        let good = || reference("hero", ClipVerdict::Pass, vec![part("colour", 96, "")]);
        let still = Detail {
            parts: vec![part("motion", 20, "nothing moves"), part("steadiness", 10, "")],
            references: vec![good()],
            ..Detail::default()
        };
        let weakest = Weakest::of(ClipVerdict::Fail, Some(20), &still).expect("one");
        assert_eq!(weakest.said(), "motion 20: nothing moves");
        let judge = JudgeDetail {
            name: "brand".into(),
            verdict: ClipVerdict::Review,
            score: Some(70),
            note: "the logo is cut".into(),
        };
        let judged = Detail { references: vec![good()], judges: vec![judge], ..Detail::default() };
        let weakest = Weakest::of(ClipVerdict::Review, Some(70), &judged).expect("one");
        assert_eq!(weakest.said(), "judge brand 70: the logo is cut");
    }

    #[test]
    fn what_lacks_nothing_and_what_was_not_looked_at_have_no_weakest() {
        let whole = reference("hero", ClipVerdict::Pass, vec![part("colour", 100, "")]);
        let detail = Detail { references: vec![whole], ..Detail::default() };
        assert_eq!(Weakest::of(ClipVerdict::Pass, Some(100), &detail), None);
        let blind = Detail { notes: vec!["not inspected: hev1".into()], ..Detail::default() };
        assert_eq!(Weakest::of(ClipVerdict::NotInspected, None, &blind), None);
    }

    #[test]
    fn only_a_failing_clip_that_nobody_accepted_is_held() {
        let fail = Some(ClipVerdict::Fail);
        assert!(is_held(Some(OnFail::Hold), fail, None));
        assert!(is_held(Some(OnFail::Hold), fail, Some(Verdict::Rejected)));
        assert!(!is_held(Some(OnFail::Hold), fail, Some(Verdict::Accepted)));
        assert!(!is_held(Some(OnFail::Hold), Some(ClipVerdict::Review), None));
        assert!(!is_held(Some(OnFail::Flag), fail, None));
        assert!(!is_held(None, fail, None));
    }
}
