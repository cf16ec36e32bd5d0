//! What is said of a picture.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Severity;
use crate::media::PictureId;

/// What may be said, in the order of the manual.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Code {
    /// It can't be read, or not to its end.
    #[serde(rename = "reference::unreadable")]
    Unreadable,
    /// A model can't have it.
    #[serde(rename = "reference::refused")]
    Refused,
    /// There is nothing on it.
    #[serde(rename = "reference::empty")]
    Empty,
    /// It is out of focus, or was enlarged.
    #[serde(rename = "reference::blurred")]
    Blurred,
    /// It must be enlarged for the clip.
    #[serde(rename = "reference::small")]
    Small,
    /// Cropping for a model cuts the subject.
    #[serde(rename = "reference::crop_cuts_subject")]
    CropCutsSubject,
    /// Cropping for a model takes away much of the picture.
    #[serde(rename = "reference::cropped")]
    Cropped,
    /// First and last frame don't have one shape.
    #[serde(rename = "reference::frames_differ")]
    FramesDiffer,
    /// The same photograph is a picture of several subjects.
    #[serde(rename = "reference::duplicate")]
    Duplicate,
    /// A subject has the same photograph twice.
    #[serde(rename = "reference::same_view")]
    SameView,
    /// It looks as if lettering was laid over it.
    #[serde(rename = "reference::marks")]
    Marks,
    /// It has bars at its sides.
    #[serde(rename = "reference::bars")]
    Bars,
    /// It is too dark, too bright or too flat.
    #[serde(rename = "reference::exposure")]
    Exposure,
    /// The subject can hardly be told from its background.
    #[serde(rename = "reference::faint")]
    Faint,
    /// The subject is small in its frame.
    #[serde(rename = "reference::subject_small")]
    SubjectSmall,
    /// The frame cuts the subject.
    #[serde(rename = "reference::subject_cut")]
    SubjectCut,
    /// It is busy where the others of its set are plain.
    #[serde(rename = "reference::busy_background")]
    BusyBackground,
    /// A shot by several references has too few views of its subject.
    #[serde(rename = "reference::few_views")]
    FewViews,
    /// Padding for a model is most of what the model gets.
    #[serde(rename = "reference::padded")]
    Padded,
    /// Its colours or its transparency don't stay as they are.
    #[serde(rename = "reference::converted")]
    Converted,
    /// Its name says another format than its bytes.
    #[serde(rename = "reference::wrong_ending")]
    WrongEnding,
}

impl Code {
    /// All.
    pub const ALL: [Code; 21] = [
        Code::Unreadable,
        Code::Refused,
        Code::Empty,
        Code::Blurred,
        Code::Small,
        Code::CropCutsSubject,
        Code::Cropped,
        Code::FramesDiffer,
        Code::Duplicate,
        Code::SameView,
        Code::Marks,
        Code::Bars,
        Code::Exposure,
        Code::Faint,
        Code::SubjectSmall,
        Code::SubjectCut,
        Code::BusyBackground,
        Code::FewViews,
        Code::Padded,
        Code::Converted,
        Code::WrongEnding,
    ];

    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        self.row().1
    }

    /// In a few words, for headings and contact sheets.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// What to do about it.
    pub fn help(self) -> &'static str {
        self.row().3
    }

    fn row(self) -> (&'static str, Severity, &'static str, &'static str) {
        use Severity::{Advice, Error, Warning};
        match self {
            Code::Unreadable => (
                "reference::unreadable",
                Error,
                "can't be read",
                "export the picture anew, as JPEG, PNG or WebP",
            ),
            Code::Refused => (
                "reference::refused",
                Error,
                "a model can't have it",
                "follow what the plan's own finding says of it, or take another model",
            ),
            Code::Empty => (
                "reference::empty",
                Warning,
                "nothing on it",
                "a clip of it shows nothing of the subject; give the subject a photograph",
            ),
            Code::Blurred => (
                "reference::blurred",
                Warning,
                "blurred",
                "models make up what they can't see; take the sharp original, not an enlarged copy",
            ),
            Code::Small => (
                "reference::small",
                Warning,
                "too small for the clip",
                "take the larger original, or a lower resolution",
            ),
            Code::CropCutsSubject => (
                "reference::crop_cuts_subject",
                Warning,
                "the crop cuts the subject",
                "write `fit: pad` or `blur` for this shot, or take another aspect or picture",
            ),
            Code::Cropped => (
                "reference::cropped",
                Advice,
                "much is cropped away",
                "see whether what matters stays; `fit: pad` or `blur` cut nothing off",
            ),
            Code::FramesDiffer => (
                "reference::frames_differ",
                Warning,
                "first and last frame differ in shape",
                "give both frames one size, or write `fit: crop`, `pad` or `blur`",
            ),
            Code::Duplicate => (
                "reference::duplicate",
                Warning,
                "the same photograph on several subjects",
                "one of them shows the wrong thing, or one clip would do for all of them",
            ),
            Code::SameView => (
                "reference::same_view",
                Advice,
                "the same view twice",
                "a second copy tells a model nothing new; give another view, or leave it out",
            ),
            Code::Marks => (
                "reference::marks",
                Warning,
                "lettering beside the subject",
                "models animate and garble lettering; take the picture without it",
            ),
            Code::Bars => (
                "reference::bars",
                Warning,
                "bars at its sides",
                "the bars would be in the clip; crop them off and let `fit` give the shape",
            ),
            Code::Exposure => (
                "reference::exposure",
                Advice,
                "light",
                "mend its levels, or take another photograph",
            ),
            Code::Faint => (
                "reference::faint",
                Advice,
                "the subject is hardly seen",
                "take a photograph in which the subject stands out from its background",
            ),
            Code::SubjectSmall => (
                "reference::subject_small",
                Advice,
                "the subject is small",
                "crop the picture closer: the more of the frame it fills, the better it is kept",
            ),
            Code::SubjectCut => (
                "reference::subject_cut",
                Advice,
                "the frame cuts the subject",
                "a model makes up what is outside as soon as the camera moves; show all of it",
            ),
            Code::BusyBackground => (
                "reference::busy_background",
                Advice,
                "busy, where its set is plain",
                "see whether it belongs here: other pictures of the set have a plain background",
            ),
            Code::FewViews => (
                "reference::few_views",
                Advice,
                "few views",
                "add views from other sides, so that the model need not make them up",
            ),
            Code::Padded => (
                "reference::padded",
                Advice,
                "much is padding",
                "take a picture nearer to the clip's shape, or another aspect",
            ),
            Code::Converted => (
                "reference::converted",
                Advice,
                "colours or transparency change",
                "export it as sRGB without transparency, and see how it looks",
            ),
            Code::WrongEnding => (
                "reference::wrong_ending",
                Advice,
                "its name says another format",
                "rename it: Kinora goes by the bytes, other programs go by the name",
            ),
        }
    }
}

/// One thing that is said of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceFinding {
    /// What.
    pub code: Code,
    /// How bad it is; the code's own where nothing speaks against it.
    pub severity: Severity,
    /// Of which picture.
    pub picture: PictureId,
    /// In words, with figures.
    pub message: String,
    /// What to do, where the code's own help doesn't fit.
    pub advice: Option<String>,
    /// What was measured.
    pub figure: Option<f32>,
    /// From where on it is said.
    pub threshold: Option<f32>,
    /// For which model, where it is about one.
    pub model: Option<String>,
    /// Other pictures that it is about.
    pub others: Vec<PictureId>,
}

impl ReferenceFinding {
    pub(super) fn new(code: Code, picture: PictureId, message: impl Into<String>) -> Self {
        ReferenceFinding {
            code,
            severity: code.severity(),
            picture,
            message: message.into(),
            advice: None,
            figure: None,
            threshold: None,
            model: None,
            others: Vec::new(),
        }
    }

    pub(super) fn against(mut self, figure: f32, threshold: f32) -> Self {
        self.figure = Some(figure);
        self.threshold = Some(threshold);
        self
    }

    pub(super) fn of_model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    pub(super) fn advised(mut self) -> Self {
        self.severity = Severity::Advice;
        self
    }

    pub(super) fn helped(mut self, help: &str) -> Self {
        self.advice = Some(help.to_owned());
        self
    }

    /// What to do about it.
    pub fn help(&self) -> &str {
        self.advice.as_deref().unwrap_or(self.code.help())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_called_alike_everywhere() {
        for code in Code::ALL {
            let json = serde_json::to_value(code).expect("JSON");
            assert_eq!(json, code.as_str());
        }
        assert!(Code::ALL.is_sorted());
    }
}
