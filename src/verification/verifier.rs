//! The verifier that ships: decodes a clip in a child, compares it with the references that were
//! sent, and judges.
//!
//! What lives here: the order of the work, and why a clip is not looked at. What never does: a
//! measure of its own, drawing.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::evidence::{self, Sight};
use super::judged::{Held, judged, unseen};
use super::judges::{Judged, JudgedPicture, Judges};
use super::learned::{Learned, Learnt, Unlearnt};
use super::{ClipVerifier, Detail, DetailPart, Looked};
use crate::consistency::{self, Consistency, Found, Frame, Reference, compare};
use crate::digest::Digest;
use crate::ledger::{ClipRecord, ClipVerdict};
use crate::limits::Limits;
use crate::manifest::{MIN, Role};
use crate::media::frames::{Bounds, Decoder, Decoding, FramesProblem, Sample, Sampled, Wanted};
use crate::plan::{Request, RequestReference};

/// What measures, with its version.
pub fn measure() -> String {
    format!("kinora {}", consistency::VERSION)
}

/// Looks at clips of one workspace. Any number of threads may share one: what was learned of a
/// picture serves all of them. Memory: what is learned (a quarter of a GiB at most), and for each
/// thread some 20 MiB of frames beside the child that decodes.
#[derive(Debug)]
pub struct Verifier {
    workspace: PathBuf,
    decoding: Decoding,
    ffmpeg: Option<PathBuf>,
    learned: Learned,
    judges: Judges,
}

impl Verifier {
    /// Of the folder that clips and references are relative to; decoding by children of
    /// `program`, this `kinora` (see [`crate::environment::own_program`]).
    pub fn new(workspace: &Path, program: PathBuf, limits: &Limits) -> Self {
        Verifier {
            workspace: workspace.to_owned(),
            decoding: Decoding::by(program),
            ffmpeg: None,
            learned: Learned::of(workspace, limits),
            judges: Judges::default(),
        }
    }

    /// These look at clips, too, and their scores join the verdict.
    #[must_use]
    pub fn with_judges(self, judges: Judges) -> Self {
        Verifier { judges, ..self }
    }

    /// Where a request's rule allows it, this ffmpeg decodes what the program can't.
    #[must_use]
    pub fn with_ffmpeg(self, ffmpeg: Option<PathBuf>) -> Self {
        Verifier { ffmpeg, ..self }
    }

    /// Within other bounds for the decoding of a clip.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Verifier { decoding: self.decoding.within(bounds), ..self }
    }

    /// Where a clip of the ledger lies, if its file is still the clip that was made.
    ///
    /// # Errors
    /// What its file is instead, in words.
    pub fn published(&self, record: &ClipRecord) -> Result<PathBuf, String> {
        let path = self.inside(Path::new(&record.path))?;
        let unreadable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => "its file is not on disk".to_owned(),
            _ => format!("its file can't be read: {e}"),
        };
        // To open a pipe would wait for somebody who writes.
        if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
            return Err("what is in its place is no file".to_owned());
        }
        let (digest, bytes) = File::open(&path).and_then(Digest::of_reader).map_err(unreadable)?;
        if digest != record.digest || bytes != record.bytes {
            return Err("its file is not the clip that was made".to_owned());
        }
        Ok(path)
    }

    /// A path of the workspace, which leads nowhere else.
    fn inside(&self, path: &Path) -> Result<PathBuf, String> {
        let path = path.strip_prefix(&self.workspace).unwrap_or(path);
        let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
        if stays { Ok(self.workspace.join(path)) } else { Err(OUTSIDE.to_owned()) }
    }

    fn sampled(&self, request: &Request, clip: &Path) -> Result<Sampled, FramesProblem> {
        let may = request.consistency.as_ref().is_some_and(|rule| rule.ffmpeg);
        let ffmpeg = self.ffmpeg.clone().filter(|_| may);
        self.decoding.clone().with_ffmpeg(ffmpeg).sample(clip, Wanted::default())
    }

    fn looked(&self, request: &Request, clip: &Path) -> Result<Looked, Box<Detail>> {
        let clip = self.inside(clip).map_err(|why| Box::new(note(why)))?;
        let mut against = Against::default();
        for (at, picture) in request.references.iter().enumerate() {
            let Some(role) = compared_as(picture) else { continue };
            against.add(at, picture, self.learned.get(picture, role));
        }
        if against.learned.is_empty() {
            return Err(Box::new(against.nothing()));
        }
        let sampled = self.sampled(request, &clip).map_err(|e| Box::new(note(why(&e))))?;
        let mut notes = of_frames(&sampled);
        let is_whole = notes.len() + against.notes.len() == 0;
        notes.append(&mut against.notes);
        if sampled.decoder == Decoder::Ffmpeg {
            notes.push("decoded by ffmpeg".to_owned());
        }
        notes.extend(sampled.notes.iter().cloned());
        let frames: Vec<Frame<'_>> = sampled
            .samples
            .iter()
            .map(|sample| Frame { at_ms: sample.at_ms, picture: &sample.picture })
            .collect();
        let references: Vec<Reference> =
            against.learned.iter().map(|learnt| learnt.reference.clone()).collect();
        let found = compare(&references, &frames);
        let rule = request.consistency.clone().unwrap_or_default();
        let (verdict, score, detail) = judged(&against.held, &rule, &found, &frames, is_whole);
        let mut detail = detail;
        notes.append(&mut detail.notes);
        detail.notes = notes;
        let sights = against.sights(&detail, &found, &frames);
        if !sights.is_empty() {
            match self.evidence(request, &clip, &sights) {
                Ok(path) => detail.evidence = Some(path),
                Err(why) => detail.notes.push(format!("no picture of it was kept: {why}")),
            }
        }
        let looked = Looked { verdict, score: Some(score), measure: measure(), detail };
        let known: Vec<Found> = found.references.iter().filter_map(|r| r.worst.clone()).collect();
        Ok(self.joined(request, &clip, &sampled.samples, &against.shown(), &known, looked))
    }

    /// What judges make of it.
    fn joined(
        &self,
        request: &Request,
        clip: &Path,
        frames: &[Sample],
        references: &[JudgedPicture<'_>],
        found: &[Found],
        mut looked: Looked,
    ) -> Looked {
        if !self.judges.is_empty() {
            let judged = Judged { request, clip, frames, references, found, own: &looked };
            let said = self.judges.judge_all(&judged);
            (looked.verdict, looked.score) = self.judges.join(looked.verdict, looked.score, &said);
            looked.detail.judges = said;
        }
        looked
    }
}

impl Verifier {
    /// Draws what is to be seen, under a name that the clip, the request and the measure make.
    fn evidence(
        &self,
        request: &Request,
        clip: &Path,
        sights: &[Sight<'_>],
    ) -> Result<String, String> {
        let clip = File::open(clip).and_then(Digest::of_reader);
        let (clip, _) = clip.map_err(|e| e.to_string())?;
        let (clip, of) = (clip.to_string(), request.fingerprint.to_string());
        let name = format!("{}-{}-{}", &clip[..16], &of[..8], measure().replace(' ', "-"));
        evidence::keep(&self.workspace, &name, &evidence::sheet(sights))
    }
}

const OUTSIDE: &str = "its path leads out of the workspace";

impl ClipVerifier for Verifier {
    fn look(&self, request: &Request, clip: &Path) -> Looked {
        let not = |detail| Looked {
            verdict: ClipVerdict::NotInspected,
            score: None,
            measure: measure(),
            detail,
        };
        // Whatever a stranger's frames do to the measures, a run goes on.
        match catch_unwind(AssertUnwindSafe(|| self.looked(request, clip))) {
            Ok(Ok(looked)) => looked,
            // A judge may look at what can't be compared here, if it is a clip of this workspace.
            Ok(Err(detail)) => match self.inside(clip) {
                Ok(clip) => self.joined(request, &clip, &[], &[], &[], not(*detail)),
                Err(_) => not(*detail),
            },
            Err(_) => not(note("not inspected: a defect in Kinora, see what it said".to_owned())),
        }
    }
}

/// Whether any picture of a request is one that its clip can be held against.
pub(super) fn is_comparable(request: &Request) -> bool {
    request.references.iter().any(|picture| compared_as(picture).is_some())
}

/// What a picture is compared as; nothing for one that says only how the camera sees it.
///
/// What the manifest gives it for decides: an identity picture that the image route makes the first
/// frame must stay recognisable in all of them, and its ground is nothing that was asked for.
fn compared_as(picture: &RequestReference) -> Option<consistency::Role> {
    use consistency::Role as As;
    match (picture.meant_for(), picture.role) {
        (Role::Identity | Role::Wardrobe, _) => Some(As::Identity),
        (Role::FirstFrame, _) | (Role::Framing, Role::FirstFrame) => Some(As::FirstFrame),
        (Role::LastFrame, _) | (Role::Framing, Role::LastFrame) => Some(As::LastFrame),
        (Role::Environment | Role::Mood | Role::Style, _) => Some(As::Look),
        (Role::Framing, _) => None,
    }
}

/// What a clip is held against.
#[derive(Default)]
struct Against {
    held: Vec<Held>,
    learned: Vec<Arc<Learnt>>,
    /// Which of the request's pictures each of them is.
    given: Vec<usize>,
    notes: Vec<String>,
}

impl Against {
    fn add(
        &mut self,
        at: usize,
        picture: &RequestReference,
        learnt: Result<Arc<Learnt>, Unlearnt>,
    ) {
        let name = picture.name.clone();
        let compared = match learnt {
            Ok(learnt) => {
                self.learned.push(learnt);
                self.given.push(at);
                Some(self.learned.len() - 1)
            }
            Err(Unlearnt::Gone) => {
                let what = "isn't there any more as it was sent";
                self.notes.push(format!("reference `{name}` {what}"));
                None
            }
            Err(Unlearnt::Unreadable(problem)) => {
                self.notes.push(format!("reference `{name}` can't be looked at: {problem}"));
                None
            }
        };
        self.held.push(Held { name, role: picture.meant_for(), compared });
    }

    /// The pictures as they were compared, for judges.
    fn shown(&self) -> Vec<JudgedPicture<'_>> {
        let pictures = self.given.iter().zip(&self.learned);
        pictures
            .map(|(at, learnt)| JudgedPicture { reference: *at, picture: &learnt.shown })
            .collect()
    }

    /// What a person is shown, worst first.
    fn sights<'a>(
        &'a self,
        detail: &Detail,
        found: &'a Consistency,
        frames: &[Frame<'a>],
    ) -> Vec<Sight<'a>> {
        let mut sights: Vec<Sight<'a>> = Vec::new();
        for (held, said) in self.held.iter().zip(&detail.references) {
            let Some(at) = held.compared.filter(|_| said.score.is_some()) else { continue };
            let Some(worst) = &found.references[at].worst else { continue };
            let Some(frame) = frames.get(worst.frame) else { continue };
            sights.push(Sight {
                verdict: said.verdict,
                score: said.score.unwrap_or(0),
                name: format!("{} ({})", said.name, said.role.as_str()),
                says: weakest(&said.parts),
                reference: &self.learned[at].shown,
                frame: frame.picture,
                at_ms: frame.at_ms,
                corners: worst.corners,
                marks: &worst.marks,
            });
        }
        sights.sort_by_key(|sight| (sight.verdict, sight.score));
        sights.truncate(evidence::MOST);
        sights
    }

    /// Why there is nothing to hold a clip against.
    fn nothing(self) -> Detail {
        let mut notes = self.notes;
        if self.held.is_empty() {
            notes.push("not inspected: no picture was sent that it could be held against".into());
        }
        let references = self.held.iter().map(unseen).collect();
        Detail { notes, references, ..Detail::default() }
    }
}

/// The parts that are not as they should be, weakest first, and what is said of the weakest.
fn weakest(parts: &[DetailPart]) -> String {
    let mut parts: Vec<&DetailPart> = parts.iter().filter(|part| part.score < MIN).collect();
    parts.sort_by_key(|part| part.score);
    let scores = parts.iter().map(|part| format!("{} {}", part.name, part.score));
    let scores = scores.collect::<Vec<_>>().join(", ");
    match parts.iter().find(|part| !part.note.is_empty()) {
        Some(part) => format!("{scores}: {}", part.note),
        None => scores,
    }
}

/// What of a clip was not looked at, or is not as it should be.
fn of_frames(sampled: &Sampled) -> Vec<String> {
    let seconds = |ms: &u64| format!("{:.1} s", *ms as f64 / 1000.0);
    match &sampled.lost_ms[..] {
        [] => Vec::new(),
        [one] => vec![format!("its frame at {} can't be decoded", seconds(one))],
        [first, more @ ..] => {
            let frames = if more.len() == 1 { "another" } else { "others" };
            let count = more.len();
            vec![format!("its frame at {} and {count} {frames} can't be decoded", seconds(first))]
        }
    }
}

/// Why a clip could not be looked at, always in the same first words.
fn why(problem: &FramesProblem) -> String {
    match problem {
        FramesProblem::NotInspected(_) => problem.to_string(),
        other => format!("not inspected: {other}"),
    }
}

fn note(note: String) -> Detail {
    Detail { notes: vec![note], ..Detail::default() }
}
