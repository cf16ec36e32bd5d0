//! Judges beside Kinora's own comparison: a program, a server or a model of the user's that gives a
//! clip a score, which joins the verdict.
//!
//! What lives here: the judges of a manifest, asked in its order, each for no longer than it may take;
//! and what becomes of the clip's verdict. What never does: Kinora's own comparison, and money: what a
//! judge charges is between it and its user. A judge that fails says nothing of the clip, and why.

mod answer;
mod child;
mod command;
mod crops;
mod http;
mod onnx;
mod question;

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::Looked;
use super::detail::JudgeDetail;
use crate::consistency::Found;
use crate::environment::Environment;
use crate::ledger::ClipVerdict;
use crate::manifest::{JudgeBy, JudgeRule};
use crate::media::frames::Sample;
use crate::plan::Request;

pub use answer::{Answer, AnsweredVerdict};
pub use onnx::COMMAND as ONNX_COMMAND;
#[cfg(feature = "onnx")]
pub use onnx::serve as serve_onnx;
pub use question::{
    Question, QuestionFound, QuestionFrame, QuestionOwn, QuestionReference, VERSION,
};

/// Stands where a secret was.
const HIDDEN: &str = "•••";
/// Shorter values are no secrets, and hiding them would make notes unreadable.
const SHORTEST: usize = 6;

/// A clip that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// The clip's file.
    pub clip: &'a Path,
    /// The frames that were sampled, in order of time; none where it can't be decoded.
    pub frames: &'a [Sample],
    /// The references that were compared.
    pub references: &'a [JudgedPicture<'a>],
    /// Where they were found: by their places in `references` and `frames`.
    pub found: &'a [Found],
    /// What Kinora's own comparison came to.
    pub own: &'a Looked,
}

/// A reference as it was compared.
#[derive(Debug, Clone, Copy)]
pub struct JudgedPicture<'a> {
    /// Which one of the request's.
    pub reference: usize,
    /// The picture.
    pub picture: &'a RgbImage,
}

/// The judges of a manifest.
#[derive(Debug, Default)]
pub struct Judges {
    judges: Vec<Judge>,
}

#[derive(Debug)]
struct Judge {
    rule: JudgeRule,
    /// Why it can't be asked at all, in words.
    way: Result<Way, String>,
}

/// How a judge is asked.
#[derive(Debug)]
enum Way {
    Program(command::Program),
    Server(http::Server),
    Model(onnx::Model),
}

impl Judges {
    /// Those of a manifest whose folder is `workspace`. `program` is Kinora itself, which looks into
    /// models in a child of its own.
    pub fn new(
        rules: &[JudgeRule],
        workspace: &Path,
        program: &Path,
        environment: &dyn Environment,
    ) -> Self {
        let judge = |rule: &JudgeRule| {
            let way = match &rule.by {
                JudgeBy::Command { words, env } => {
                    Ok(Way::Program(command::Program::new(words, env, workspace, environment)))
                }
                JudgeBy::Url { at, token } => {
                    http::Server::new(at, token.as_deref(), environment).map(Way::Server)
                }
                JudgeBy::Onnx(model) => {
                    Ok(Way::Model(onnx::Model::new(model, workspace, PathBuf::from(program))))
                }
            };
            Judge { rule: rule.clone(), way }
        };
        Judges { judges: rules.iter().map(judge).collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.judges.is_empty()
    }

    /// What each says of a clip that it is to look at, in the manifest's order. Blocks, at most for
    /// what all together may take. One that fails, takes too long or makes no sense is
    /// `not_inspected`, and its note says why.
    pub fn judge_all(&self, judged: &Judged<'_>) -> Vec<JudgeDetail> {
        let asked = self.judges.iter().filter(|judge| judge.is_for(judged.request));
        asked.map(|judge| judge.judge(judged)).collect()
    }

    /// The clip's verdict and score once judges have spoken: the worst verdict, the lowest score. A
    /// judge that says nothing changes nothing, unless the manifest requires it: then a person is to
    /// look.
    pub fn join(
        &self,
        verdict: ClipVerdict,
        score: Option<u8>,
        said: &[JudgeDetail],
    ) -> (ClipVerdict, Option<u8>) {
        let mut joined = verdict;
        for judge in said {
            let says = match judge.verdict {
                ClipVerdict::NotInspected if self.requires(&judge.name) => ClipVerdict::Review,
                ClipVerdict::NotInspected => continue,
                says => says,
            };
            joined = joined.min(says);
        }
        // A clip that was not inspected has no score, whatever a judge thinks of it.
        if joined == ClipVerdict::NotInspected {
            return (joined, None);
        }
        let lowest = said.iter().filter_map(|judge| judge.score).chain(score).min();
        (joined, lowest)
    }

    fn requires(&self, name: &str) -> bool {
        self.judges.iter().any(|judge| judge.rule.name == name && judge.rule.required)
    }
}

impl Judge {
    /// Whether it looks at this request's clip.
    fn is_for(&self, request: &Request) -> bool {
        let fits = |pattern: &glob::Pattern| {
            pattern.matches(&request.shot)
                || pattern.matches(request.address.as_str())
                || request.subject.as_deref().is_some_and(|subject| pattern.matches(subject))
        };
        self.rule.only.is_empty() || self.rule.only.iter().any(fits)
    }

    fn judge(&self, judged: &Judged<'_>) -> JudgeDetail {
        let JudgeRule { name, bounds, timeout, .. } = &self.rule;
        let said = match &self.way {
            Ok(Way::Program(program)) => program.ask(name, judged, *timeout),
            Ok(Way::Server(server)) => server.ask(name, judged, *timeout),
            Ok(Way::Model(model)) => model.ask(judged, *timeout),
            Err(why) => Err(why.clone()),
        };
        answer::detail(name, *bounds, said)
    }
}

/// The JSON Schema of what judges are told.
pub fn question_schema() -> serde_json::Value {
    schemars::schema_for!(Question).to_value()
}

/// The JSON Schema of what judges answer.
pub fn answer_schema() -> serde_json::Value {
    schemars::schema_for!(Answer).to_value()
}

/// A text without what must not be seen.
fn hidden(text: &str, secrets: &[String]) -> String {
    let secrets = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
}
