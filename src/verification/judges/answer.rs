//! What a judge may answer, and what it then says of a clip.
//!
//! What never lives here: how the answer came. It is as untrusted as any stranger's bytes.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::detail::JudgeDetail;
use crate::ledger::ClipVerdict;
use crate::manifest::Bounds;

/// Letters of a note that are kept.
const MOST_NOTE: usize = 500;

/// What a judge answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Kinora: what a judge answers")]
pub struct Answer {
    /// How well the clip shows what it should: 0 to 100, rounded to a whole number.
    #[schemars(range(min = 0, max = 100))]
    pub score: f64,
    /// What a person is to know, as plain text.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub note: Option<String>,
    /// The judge's own verdict; it counts where it is worse than what the manifest's bounds make of
    /// the score.
    #[serde(default)]
    pub verdict: Option<AnsweredVerdict>,
}

/// A verdict as a judge may give it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredVerdict {
    /// It shows what it should.
    Pass,
    /// A person is to look.
    Review,
    /// It shows something else.
    Fail,
}

impl From<AnsweredVerdict> for ClipVerdict {
    fn from(given: AnsweredVerdict) -> Self {
        match given {
            AnsweredVerdict::Pass => ClipVerdict::Pass,
            AnsweredVerdict::Review => ClipVerdict::Review,
            AnsweredVerdict::Fail => ClipVerdict::Fail,
        }
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub score: u8,
    /// As it came: whoever asked hides secrets in it first, since half of one is none to be found.
    pub note: String,
    /// The judge's own verdict.
    pub verdict: Option<ClipVerdict>,
}

/// Reads an answer.
pub(super) fn read(bytes: &[u8]) -> Result<Said, String> {
    if bytes.trim_ascii().is_empty() {
        return Err("it answers nothing".to_owned());
    }
    let answer: Answer = serde_json::from_slice(bytes)
        .map_err(|error| format!("its answer makes no sense: {error}"))?;
    if !(0.0..=100.0).contains(&answer.score) {
        return Err(format!(
            "its answer makes no sense: the score {} is not 0 to 100",
            answer.score
        ));
    }
    Ok(Said {
        score: answer.score.round() as u8,
        note: answer.note.unwrap_or_default(),
        verdict: answer.verdict.map(ClipVerdict::from),
    })
}

/// What a judge's answer, or its failure, says of the clip.
pub(super) fn detail(name: &str, bounds: Bounds, said: Result<Said, String>) -> JudgeDetail {
    let name = name.to_owned();
    match said {
        Ok(said) => {
            let by_bounds = verdict(said.score, bounds);
            let verdict = said.verdict.map_or(by_bounds, |given| given.min(by_bounds));
            JudgeDetail { name, verdict, score: Some(said.score), note: plain(&said.note) }
        }
        Err(why) => {
            let verdict = ClipVerdict::NotInspected;
            JudgeDetail { name, verdict, score: None, note: plain(&why) }
        }
    }
}

fn verdict(score: u8, bounds: Bounds) -> ClipVerdict {
    match score {
        score if score >= bounds.min => ClipVerdict::Pass,
        score if score < bounds.fail_below => ClipVerdict::Fail,
        _ => ClipVerdict::Review,
    }
}

/// Text for a line of a report: nothing that commands a terminal, and not too much of it.
fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|c| !c.is_control()).take(MOST_NOTE).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { min: 80, fail_below: 60 };

    fn of(text: &str) -> JudgeDetail {
        detail("label", BOUNDS, read(text.as_bytes()))
    }

    #[test]
    fn a_score_becomes_a_verdict_by_the_judges_own_bounds() {
        let verdicts = [(80, "pass"), (79, "review"), (60, "review"), (59, "fail"), (0, "fail")];
        for (score, verdict) in verdicts {
            let said = of(&format!("{{\"score\": {score}}}"));
            assert_eq!((said.verdict.as_str(), said.score), (verdict, Some(score)));
        }
    }

    #[test]
    fn a_judges_own_verdict_can_only_make_it_worse() {
        let fail = of(r#"{"score": 99, "verdict": "fail", "note": "another cap"}"#);
        assert_eq!((fail.verdict, &*fail.note), (ClipVerdict::Fail, "another cap"));
        assert_eq!(of(r#"{"score": 10, "verdict": "pass"}"#).verdict, ClipVerdict::Fail);
    }

    #[test]
    fn nonsense_is_not_inspected_and_says_why() {
        let wrong = [
            ("", "answers nothing"),
            ("yes", "makes no sense"),
            (r#"{"score": 101}"#, "not 0 to 100"),
            (r#"{"score": -1}"#, "not 0 to 100"),
            (r#"{"score": "80"}"#, "makes no sense"),
            (r#"{"score": 1e999}"#, "makes no sense"),
            (r#"{"score": null}"#, "makes no sense"),
            (r#"{"score": 80, "notes": "x"}"#, "unknown field `notes`"),
            (r#"{"score": 80, "verdict": "maybe"}"#, "makes no sense"),
            (r#"{"score": 80} {"score": 1}"#, "makes no sense"),
        ];
        for (text, why) in wrong {
            let said = of(text);
            assert_eq!((said.verdict, said.score), (ClipVerdict::NotInspected, None), "{text}");
            assert!(said.note.contains(why), "{text}: {}", said.note);
        }
    }

    #[test]
    fn a_note_commands_no_terminal_and_has_an_end() {
        let long = "x".repeat(2_000);
        let said = of(&format!(r#"{{"score": 80, "note": "\u001b[31mred\nand {long}"}}"#));
        assert!(said.note.starts_with("[31mred and x"), "{}", said.note);
        assert_eq!(said.note.chars().count(), MOST_NOTE);
    }
}
