//! From where on a measure is worth a word: every number in one table, which the manual shows too.
//!
//! They were set on some hundred photographs of products, people and places, so that a sound one is
//! rarely spoken of; a picture that is only a little wrong goes unsaid.

/// One number.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// Its name.
    pub name: &'static str,
    /// The number.
    pub value: f32,
    /// What it is about.
    pub meaning: &'static str,
}

macro_rules! thresholds {
    ($($name:ident = $value:literal, $meaning:literal;)+) => {
        /// All numbers, in the order of the manual.
        pub const THRESHOLDS: &[Threshold] = &[
            $(Threshold { name: stringify!($name), value: $value, meaning: $meaning },)+
        ];

        /// The numbers by name.
        #[allow(non_upper_case_globals, reason = "they are called as the table calls them")]
        pub mod threshold {
            $(#[doc = $meaning] pub const $name: f32 = $value;)+
        }
    };
}

thresholds! {
    blurred_edge = 1.1, "edges wider than this, in pixels of a picture reduced to 1024, are blurred";
    blurred_laplacian = 60.0, "and then the variance of the Laplacian is below this";
    subject_small = 0.35, "the subject's larger extent, as a share of the frame's, is less";
    subject_faint = 9.0, "the subject's colours are nearer to the background's (CIE76)";
    subject_touches = 0.04, "the subject runs along this share of an edge, so that the edge cuts it";
    blown = 0.3, "this share of the frame is pure white and no background";
    dark = 25.0, "nine pixels in ten are darker (CIE lightness, 0 to 100)";
    washed_out = 12.0, "from the darkest to the brightest, lightness goes over less";
    marks_faint = 25.0, "marks nearer to the background than this look like a watermark, others like a caption";
    same_colours = 2.0, "two pictures whose colours are nearer on the average are the same photograph";
    same_place = 9.0, "if they are nearer than this at every place, too";
    plain_usual = 0.6, "where this share of a set's pictures is plain, a busy one stands out";
    plain_enough = 5.0, "pictures that a set must have for that";
    enlarged_frame = 1.5, "a first or last frame is enlarged by more to the size of the clip";
    enlarged_reference = 2.5, "another reference's longer side is enlarged by more to the clip's";
    cut_off = 0.25, "cropping to the clip's shape takes away more of the picture's area";
    subject_cut = 0.03, "cropping to the clip's shape takes away more of the subject's extent";
    padded = 0.45, "padding to the clip's shape adds more of the frame's area";
    same_shape = 0.02, "first and last frame whose shapes differ by more don't match";
    few_views = 2.0, "views of a subject that a shot by several references should send, at least";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Code;

    #[test]
    fn the_manual_has_every_threshold_and_every_code() {
        let manual = include_str!("../../docs/references.md");
        for Threshold { name, value, meaning } in THRESHOLDS {
            let row = format!("| `{name}` | {value} | {meaning} |");
            assert!(manual.contains(&row), "docs/references.md lacks {row}");
        }
        for code in Code::ALL {
            assert!(manual.contains(&format!("| `{}` |", code.as_str())), "{code:?}");
        }
    }
}
