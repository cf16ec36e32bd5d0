//! What goes in and what comes out.
//!
//! What lives here: the types that callers see. What never does: a measure.

use image::RgbImage;

/// Pixels of the longer side at which clips are looked at: frames come at most this large, and
/// references are reduced to it.
pub const WORKING: u32 = 640;

/// One sampled frame of a clip, upright, its longer side at most [`WORKING`].
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Milliseconds from the clip's beginning.
    pub at_ms: u64,
    /// What is to be seen.
    pub picture: &'a RgbImage,
}

/// What a reference was given to the model for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The clip begins with it.
    FirstFrame,
    /// The clip ends with it.
    LastFrame,
    /// Its subject is to be recognised: product, packaging, outfit, character.
    Identity,
    /// Environment, style, mood: how it looks on the whole.
    Look,
}

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartName {
    /// Frame against picture as a whole: do edges lie where they should.
    Structure,
    /// Colours inside what was found, light discounted.
    Colour,
    /// Silhouette and proportions.
    Shape,
    /// Label, print and other fine structure.
    Detail,
    /// In how many frames, how large, and how often at once.
    Presence,
    /// Palette, texture and layout of the whole.
    Look,
    /// Whether anything moves at all.
    Motion,
    /// Neither drifting nor jumping nor flickering.
    Steadiness,
}

impl PartName {
    /// As it is written in reports.
    pub fn word(self) -> &'static str {
        match self {
            PartName::Structure => "structure",
            PartName::Colour => "colour",
            PartName::Shape => "shape",
            PartName::Detail => "detail",
            PartName::Presence => "presence",
            PartName::Look => "look",
            PartName::Motion => "motion",
            PartName::Steadiness => "steadiness",
        }
    }
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What was scored.
    pub name: PartName,
    /// 0 to 100.
    pub score: f32,
    /// What was found, in words; empty where there is nothing to say.
    pub note: String,
}

/// A quadrilateral of the frame in which something differs from the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Its corners in pixels of the frame: upper left, upper right, lower right, lower left as the
    /// reference has them.
    pub corners: [[f32; 2]; 4],
    /// What differs there.
    pub part: PartName,
    /// How badly, 0 to 1.
    pub weight: f32,
}

/// Where a reference was found in one frame: the evidence for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which reference, by its place in the list.
    pub reference: usize,
    /// Which frame, by its place in the list.
    pub frame: usize,
    /// The matched region in pixels of the frame, in the order of [`Mark::corners`]; nothing where
    /// it was not found.
    pub corners: Option<[[f32; 2]; 4]>,
    /// This frame's own score, 0 to 100.
    pub score: f32,
    /// What differs, worst first.
    pub marks: Vec<Mark>,
}

/// What one reference came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Which reference, by its place in the list.
    pub reference: usize,
    /// What it was given for.
    pub role: Role,
    /// 0 to 100.
    pub score: f32,
    /// Its parts.
    pub parts: Vec<Part>,
    /// The frame that a person should look at.
    pub worst: Option<Found>,
    /// In how many of the frames that were looked at its subject was found, 0 to 1.
    pub present: f32,
    /// The subject's own median colour over the clip (CIE L*a*b*, D65) inside what was found, in the
    /// reference's light: to be held against other clips of the same subject. Nothing for a
    /// [`Role::Look`], and where the subject was not found.
    pub colour: Option<[f32; 3]>,
    /// Raw measures by name, of which the parts were made.
    pub measures: Vec<(&'static str, f32)>,
}

/// What the clip does over time, whatever the references.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OverTime {
    /// How far the subject went away from its references between beginning and end; points of a
    /// score.
    pub drift: f32,
    /// Frames at which the picture changed at once, as in a cut.
    pub jumps: usize,
    /// Light going to and fro, in units of CIE L*.
    pub flicker: f32,
    /// Nothing moves from beginning to end.
    pub still: bool,
}

/// What a clip came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Consistency {
    /// 0 to 100.
    pub score: u8,
    /// The score before it was rounded, for curves.
    pub exact: f32,
    /// The weakest of each part over all references, and what the clip does over time.
    pub parts: Vec<Part>,
    /// Each reference's own result, in the order of the list.
    pub references: Vec<Compared>,
    /// What the clip does over time.
    pub over_time: OverTime,
    /// The weakest reference's raw measures by name, and those of the clip over time.
    pub measures: Vec<(&'static str, f32)>,
}
