//! `judges:` of the root manifest: who else looks at clips, how long each may take, and what its
//! score means.
//!
//! What lives here: the mapping and what can be told of it before any judge is asked. What never
//! does: asking one.

use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::addresses::{self, Plain};
use super::consistency::{Bounds, MIN, REVIEWED};
use super::load::Loader;
use crate::diagnostic::{Finding, Findings, Place};
use crate::yaml::{Decimals, OneOrMany, Placed, Table, Text};

/// The most judges that a manifest may have: each is asked for each clip.
const MOST_JUDGES: usize = 8;
/// How long one may take where the manifest doesn't say, in seconds.
const TIMEOUT: u32 = 30;
/// How long one may take at most, in seconds.
const LONGEST: u32 = 600;
/// The largest side of a picture that a model takes, in pixels.
const LARGEST: u32 = 1024;
/// How a secret is named that stands in the environment.
const ENV: &str = "env:";
/// Said where a program can't do what the manifest asks.
const BUILT_WITHOUT: &str = "this kinora was built without `onnx`, so that this judge can't look";

/// One judge: a `command`, a `url` or an `onnx` model that gives each clip a score from 0 to 100.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Judge")]
pub struct RawJudge {
    /// A program and its arguments, which gets paths on its standard input as JSON and answers JSON
    /// on its standard output. It is started in this file's folder; no shell is involved.
    pub command: Option<Placed<Vec<Text>>>,
    /// URL that gets a clip's frames by POST, as JSON, and answers JSON; `env:NAME` takes it from
    /// the environment. https, or http to this machine.
    pub url: Option<Text>,
    /// File of an ONNX model that turns a picture into a vector; relative to this file's folder.
    /// Only for programs built with the feature `onnx`.
    pub onnx: Option<Text>,
    /// `env:NAME`: the environment variable whose value the `url` gets as a bearer token.
    pub token: Option<Text>,
    /// Names of environment variables that the `command` gets beside PATH, HOME and the language's.
    #[serde(default)]
    pub env: OneOrMany<Text>,
    /// What pictures the `onnx` model takes.
    pub input: Option<Placed<RawModelInput>>,
    /// The score from which a clip passes, 0 to 100; 80 if not given.
    #[schemars(range(max = 100))]
    pub min: Option<Placed<u8>>,
    /// The score below which a clip fails; between the two, a person is to look. 20 below `min` if
    /// not given.
    #[schemars(range(max = 100))]
    pub fail_below: Option<Placed<u8>>,
    /// Seconds that it may take for one clip; 30 if not given.
    #[schemars(range(min = 1, max = 600))]
    pub timeout: Option<Placed<u32>>,
    /// Whether a clip needs a person to look where this judge says nothing; `false` if not given.
    pub required: Option<bool>,
    /// Only clips whose subject, shot or job fits one of these patterns; all if not given.
    #[serde(default)]
    pub only: OneOrMany<Text>,
}

/// What pictures a model takes: red, green and blue from 0 to 1, less `mean`, by `deviation`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ModelInput")]
pub struct RawModelInput {
    /// Pixels of each side; the model's own if not given, else 224.
    #[schemars(range(min = 1, max = 1024))]
    pub size: Option<Placed<u32>>,
    /// What is taken from each colour; that of ImageNet, 0.485, 0.456 and 0.406, if not given.
    #[serde(default, deserialize_with = "crate::yaml::decimals")]
    #[schemars(with = "Decimals")]
    pub mean: Vec<Decimal>,
    /// By what each colour is divided; that of ImageNet, 0.229, 0.224 and 0.225, if not given.
    #[serde(default, deserialize_with = "crate::yaml::decimals")]
    #[schemars(with = "Decimals")]
    pub deviation: Vec<Decimal>,
    /// How the numbers lie: `nchw`, colour by colour, or `nhwc`, pixel by pixel; `nchw` if not given.
    pub layout: Option<Layout>,
}

/// How a picture's numbers lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Colour by colour.
    #[default]
    Nchw,
    /// Pixel by pixel.
    Nhwc,
}

/// One judge, checked.
#[derive(Debug, Clone)]
pub struct JudgeRule {
    /// Its name.
    pub name: String,
    /// Who looks.
    pub by: JudgeBy,
    /// What its score means.
    pub bounds: Bounds,
    /// How long it may take for one clip.
    pub timeout: Duration,
    /// Whether a clip is at best for review where it says nothing.
    pub required: bool,
    /// Which clips; empty: all.
    pub only: Vec<glob::Pattern>,
}

/// Who looks.
#[derive(Debug, Clone, PartialEq)]
pub enum JudgeBy {
    /// A program with its arguments.
    Command {
        /// Never empty.
        words: Vec<String>,
        /// Names of the variables that it gets.
        env: Vec<String>,
    },
    /// A server.
    Url {
        /// Where it is.
        at: JudgeUrl,
        /// The variable that holds its token.
        token: Option<String>,
    },
    /// A model.
    Onnx(OnnxModel),
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JudgeUrl {
    /// As the manifest says.
    Written(String),
    /// As this environment variable says.
    In(String),
}

/// A model that turns a picture into a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// Its file, relative to the workspace.
    pub path: String,
    /// Pixels of a picture's sides; absent: as the model says.
    pub size: Option<u32>,
    /// Taken from red, green and blue, which go from 0 to 1.
    pub mean: [f32; 3],
    /// By which what remains is divided.
    pub deviation: [f32; 3],
    /// How the numbers lie.
    pub layout: Layout,
}

/// A judge's URL: https, or http to this machine, since pictures and tokens travel to it.
///
/// # Errors
/// What is wrong with it, without saying it.
pub fn judge_url(text: &str) -> Result<Url, &'static str> {
    addresses::checked(text.trim(), Plain::ToThisMachine).map_err(|problem| problem.message)
}

impl Loader<'_> {
    /// `judges:` of the root manifest, in its order.
    pub(super) fn judges(&mut self, raw: &Table<Placed<RawJudge>>) -> Vec<JudgeRule> {
        if let Some((name, _)) = raw.0.get(MOST_JUDGES) {
            let message = format!("a manifest has at most {MOST_JUDGES} judges");
            self.findings.push(wrong(message, name.place));
        }
        raw.0.iter().filter_map(|(name, judge)| self.judge(name, judge)).collect()
    }

    fn judge(&mut self, name: &Text, judge: &Placed<RawJudge>) -> Option<JudgeRule> {
        let Placed { value: raw, place } = judge;
        if !is_a_name(name) {
            let help = "letters, digits, `-` and `_`, for instance `label`";
            self.findings.push(wrong("this is no name for a judge", name.place).help(help));
        }
        let by = match (&raw.command, &raw.url, &raw.onnx) {
            (Some(command), None, None) => self.command(command, raw),
            (None, Some(url), None) => self.url(url, raw),
            (None, None, Some(onnx)) => self.onnx(onnx, raw),
            (None, None, None) => {
                let help = "for instance `command: [./judge.sh]`";
                let message = "a judge needs a `command`, a `url` or an `onnx`";
                self.findings.push(wrong(message, *place).help(help));
                None
            }
            _ => {
                let message = "a judge is one of `command`, `url` and `onnx`";
                self.findings.push(wrong(message, *place).help("remove the others"));
                None
            }
        };
        let findings = &mut self.findings;
        only_beside(raw, findings);
        let bounds = bounds(raw, findings);
        let timeout = raw.timeout.as_ref().map_or(TIMEOUT, |t| t.value).clamp(1, LONGEST);
        Some(JudgeRule {
            name: name.trim().to_owned(),
            by: by?,
            bounds,
            timeout: Duration::from_secs(u64::from(timeout)),
            required: raw.required.unwrap_or(false),
            only: patterns(&raw.only, findings),
        })
    }

    fn command(&mut self, command: &Placed<Vec<Text>>, raw: &RawJudge) -> Option<JudgeBy> {
        let words: Vec<String> = command.value.iter().map(|word| word.to_string()).collect();
        let program = command.value.first().filter(|program| !program.trim().is_empty());
        let Some(program) = program else {
            self.findings.push(wrong("a command needs a program's name", command.place));
            return None;
        };
        let here = program.contains('/') && !program.starts_with('/');
        if here && !self.workspace.path(program).is_file() {
            let message = format!("there is no program `{program}`");
            let finding = Finding::error("judge::missing", message).at(program.place, "this file");
            self.findings.push(finding.help("paths are relative to this manifest's folder"));
        }
        let mut env = Vec::new();
        for name in &raw.env.items {
            match is_a_variable(name.trim()) {
                true => env.push(name.trim().to_owned()),
                false => self.findings.push(
                    wrong("this is no name of an environment variable", name.place)
                        .help("for instance `env: [JUDGE_KEY]`"),
                ),
            }
        }
        Some(JudgeBy::Command { words, env })
    }

    fn url(&mut self, written: &Text, raw: &RawJudge) -> Option<JudgeBy> {
        let at = match variable(written) {
            Some(Ok(name)) => JudgeUrl::In(name),
            Some(Err(why)) => {
                self.findings.push(wrong(why, written.place));
                return None;
            }
            None => match addresses::checked(written.trim(), Plain::ToThisMachine) {
                Ok(url) => JudgeUrl::Written(url.into()),
                Err(problem) => {
                    let message = format!("`{}` {}", problem.shown, problem.message);
                    let help = "frames travel to it: write it with `https://`; plain http is for \
                                127.0.0.1 and localhost. `env:NAME` takes it from the environment";
                    self.findings.push(wrong(message, written.place).help(help));
                    return None;
                }
            },
        };
        let token = match raw.token.as_ref().map(|token| (variable(token), token.place)) {
            None => None,
            Some((Some(Ok(name)), _)) => Some(name),
            // What stands there may be a secret, which no message repeats.
            Some((_, place)) => {
                let message = "a token is taken from the environment, never from a manifest";
                self.findings.push(wrong(message, place).help("write `token: env:NAME`"));
                None
            }
        };
        Some(JudgeBy::Url { at, token })
    }

    fn onnx(&mut self, written: &Text, raw: &RawJudge) -> Option<JudgeBy> {
        let path = match self.workspace.resolve("", written.trim()) {
            Ok(path) if self.workspace.path(&path).is_file() => path,
            Ok(path) => {
                let message = format!("there is no model `{path}`");
                let finding =
                    Finding::error("judge::missing", message).at(written.place, "this file");
                self.findings.push(finding.help("paths are relative to this manifest's folder"));
                return None;
            }
            Err(_) => {
                let message = format!("`{}` is outside of the manifest's folder", written.trim());
                let help =
                    "move it, or list its folder in the root manifest: `allow: {roots: […]}`";
                self.findings.push(wrong(message, written.place).help(help));
                return None;
            }
        };
        if cfg!(not(feature = "onnx")) {
            let finding = Finding::warning("judge::without_onnx", BUILT_WITHOUT);
            let help = "build it with `cargo build --release --features onnx`";
            self.findings.push(finding.at(written.place, "not looked at").help(help));
        }
        let nothing = RawModelInput::default();
        let (input, place) = match &raw.input {
            Some(input) => (&input.value, input.place),
            None => (&nothing, written.place),
        };
        let mut three = |of: &str, given: &[Decimal], otherwise: [f32; 3]| {
            if given.is_empty() {
                return otherwise;
            }
            let values: Vec<f32> = given.iter().filter_map(|value| value.to_f32()).collect();
            <[f32; 3]>::try_from(values).unwrap_or_else(|_| {
                let message = format!("`{of}` has three numbers, for red, green and blue");
                self.findings.push(wrong(message, place));
                otherwise
            })
        };
        // The usual normalisation of models that learned from ImageNet.
        let mean = three("mean", &input.mean, [0.485, 0.456, 0.406]);
        let deviation = three("deviation", &input.deviation, [0.229, 0.224, 0.225]);
        if deviation.iter().any(|by| *by <= 0.0) {
            self.findings.push(wrong("a deviation is above 0", place));
        }
        let size = input.size.as_ref().map(|size| size.value.clamp(1, LARGEST));
        let layout = input.layout.unwrap_or_default();
        Some(JudgeBy::Onnx(OnnxModel { path, size, mean, deviation, layout }))
    }
}

/// Keys that mean something to one kind of judge alone.
fn only_beside(raw: &RawJudge, findings: &mut Findings) {
    let mut say = |key: &str, beside: &str, place: Place| {
        let message = format!("`{key}` means something only beside `{beside}`");
        findings.push(wrong(message, place).help("remove it"));
    };
    if let (Some(token), None) = (&raw.token, &raw.url) {
        say("token", "url", token.place);
    }
    if let (Some(name), None) = (raw.env.items.first(), &raw.command) {
        say("env", "command", name.place);
    }
    if let (Some(input), None) = (&raw.input, &raw.onnx) {
        say("input", "onnx", input.place);
    }
}

fn bounds(raw: &RawJudge, findings: &mut Findings) -> Bounds {
    let min = raw.min.as_ref().map_or(MIN, |min| min.value);
    let fail_below = match &raw.fail_below {
        Some(fail) if fail.value > min => {
            let message = format!("`fail_below` can't be above `min`, which is {min}");
            findings.push(wrong(message, fail.place));
            min
        }
        Some(fail) => fail.value,
        None => min.saturating_sub(REVIEWED),
    };
    Bounds { min, fail_below }
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

/// The variable's name, where `env:NAME` is written.
fn variable(written: &str) -> Option<Result<String, &'static str>> {
    let name = written.trim().strip_prefix(ENV)?;
    Some(match is_a_variable(name) {
        true => Ok(name.to_owned()),
        false => Err("`env:` needs the name of an environment variable"),
    })
}

fn is_a_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Names stand in tables of reports.
fn is_a_name(name: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    (1..=40).contains(&name.chars().count()) && name.chars().all(fine)
}

fn wrong(message: impl Into<String>, place: Place) -> Finding {
    Finding::error("manifest::wrong_value", message.into()).at(place, "this value")
}
