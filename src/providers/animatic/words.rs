//! The prompt's own words about the camera.
//!
//! What lives here: the public table of words and how they are found in a prompt. What never
//! does: what a move looks like (that is the camera).

/// A camera move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// The camera goes towards the subject: near things grow faster than far ones.
    PushIn,
    /// The camera goes back.
    PullOut,
    /// The view narrows: everything grows alike.
    ZoomIn,
    /// The view widens.
    ZoomOut,
    /// The camera looks further left.
    PanLeft,
    /// The camera looks further right.
    PanRight,
    /// To one side; the seed says which.
    Pan,
    /// The camera looks further up.
    TiltUp,
    /// The camera looks further down.
    TiltDown,
    /// The camera rises.
    CraneUp,
    /// The camera sinks.
    CraneDown,
    /// The camera goes round the subject to the left, or the subject turns.
    OrbitLeft,
    /// The same to the right.
    OrbitRight,
    /// The same; the seed says to which side.
    Orbit,
    /// Nothing moves.
    Static,
}

/// A word with the moves it means.
#[derive(Debug, Clone, Copy)]
pub struct MoveWord {
    /// Lower case; several words are separated by one space.
    pub word: &'static str,
    /// What it means without a direction; absent when it then means nothing.
    pub alone: Option<Move>,
    /// What it means with a direction among the next words.
    pub directed: &'static [(&'static str, Move)],
    /// It also names things (a frying pan, a crane): it counts alone only next to a word of
    /// [`CAMERA_WORDS`].
    pub also_a_thing: bool,
}

const IN_OUT: &[(&str, Move)] = &[
    ("in", Move::PushIn),
    ("into", Move::PushIn),
    ("forward", Move::PushIn),
    ("closer", Move::PushIn),
    ("towards", Move::PushIn),
    ("toward", Move::PushIn),
    ("out", Move::PullOut),
    ("back", Move::PullOut),
    ("backward", Move::PullOut),
    ("away", Move::PullOut),
    ("left", Move::PanLeft),
    ("right", Move::PanRight),
];
const ZOOM: &[(&str, Move)] = &[("in", Move::ZoomIn), ("out", Move::ZoomOut)];
const SIDES: &[(&str, Move)] = &[("left", Move::PanLeft), ("right", Move::PanRight)];
const TILT: &[(&str, Move)] = &[("up", Move::TiltUp), ("down", Move::TiltDown)];
const CRANE: &[(&str, Move)] = &[("up", Move::CraneUp), ("down", Move::CraneDown)];
const ORBIT: &[(&str, Move)] = &[
    ("left", Move::OrbitLeft),
    ("right", Move::OrbitRight),
    ("clockwise", Move::OrbitLeft),
    ("counterclockwise", Move::OrbitRight),
    ("anticlockwise", Move::OrbitRight),
];

const fn word(
    word: &'static str,
    alone: Option<Move>,
    directed: &'static [(&'static str, Move)],
) -> MoveWord {
    MoveWord { word, alone, directed, also_a_thing: false }
}

const fn thing(
    word: &'static str,
    alone: Option<Move>,
    directed: &'static [(&'static str, Move)],
) -> MoveWord {
    MoveWord { word, alone, directed, also_a_thing: true }
}

/// Every word that moves the camera. Of two that begin at the same place the longer counts.
pub const MOVES: &[MoveWord] = &[
    word("dolly", Some(Move::PushIn), IN_OUT),
    word("dollies", Some(Move::PushIn), IN_OUT),
    word("dollying", Some(Move::PushIn), IN_OUT),
    word("push", None, IN_OUT),
    word("pushes", None, IN_OUT),
    word("pushing", None, IN_OUT),
    word("push-in", Some(Move::PushIn), &[]),
    word("moves in", Some(Move::PushIn), &[]),
    word("moves closer", Some(Move::PushIn), &[]),
    word("close in", Some(Move::PushIn), &[]),
    word("closes in", Some(Move::PushIn), &[]),
    word("pull", None, IN_OUT),
    word("pulls", None, IN_OUT),
    word("pulling", None, IN_OUT),
    word("pull-out", Some(Move::PullOut), &[]),
    word("pull-back", Some(Move::PullOut), &[]),
    word("moves back", Some(Move::PullOut), &[]),
    word("moves away", Some(Move::PullOut), &[]),
    word("zoom", Some(Move::ZoomIn), ZOOM),
    word("zooms", Some(Move::ZoomIn), ZOOM),
    word("zooming", Some(Move::ZoomIn), ZOOM),
    thing("pan", Some(Move::Pan), SIDES),
    word("pans", Some(Move::Pan), SIDES),
    word("panning", Some(Move::Pan), SIDES),
    thing("track", Some(Move::Pan), SIDES),
    thing("tracks", Some(Move::Pan), SIDES),
    word("tracking", Some(Move::Pan), SIDES),
    thing("truck", Some(Move::Pan), SIDES),
    word("trucking", Some(Move::Pan), SIDES),
    thing("slide", Some(Move::Pan), SIDES),
    word("slides", Some(Move::Pan), SIDES),
    word("sliding", Some(Move::Pan), SIDES),
    word("tilt", Some(Move::TiltUp), TILT),
    word("tilts", Some(Move::TiltUp), TILT),
    word("tilting", Some(Move::TiltUp), TILT),
    thing("crane", Some(Move::CraneUp), CRANE),
    thing("cranes", Some(Move::CraneUp), CRANE),
    word("craning", Some(Move::CraneUp), CRANE),
    thing("boom", Some(Move::CraneUp), CRANE),
    thing("pedestal", Some(Move::CraneUp), CRANE),
    word("camera rises", Some(Move::CraneUp), &[]),
    word("camera lifts", Some(Move::CraneUp), &[]),
    word("camera sinks", Some(Move::CraneDown), &[]),
    word("camera lowers", Some(Move::CraneDown), &[]),
    word("rising shot", Some(Move::CraneUp), &[]),
    word("orbit", Some(Move::Orbit), ORBIT),
    word("orbits", Some(Move::Orbit), ORBIT),
    word("orbiting", Some(Move::Orbit), ORBIT),
    word("arc", Some(Move::Orbit), ORBIT),
    word("arcs", Some(Move::Orbit), ORBIT),
    word("arcing", Some(Move::Orbit), ORBIT),
    word("circles", Some(Move::Orbit), ORBIT),
    word("circling", Some(Move::Orbit), ORBIT),
    word("turns", Some(Move::Orbit), ORBIT),
    word("turning", Some(Move::Orbit), ORBIT),
    word("turntable", Some(Move::Orbit), ORBIT),
    word("rotate", Some(Move::Orbit), ORBIT),
    word("rotates", Some(Move::Orbit), ORBIT),
    word("rotating", Some(Move::Orbit), ORBIT),
    word("spins", Some(Move::Orbit), ORBIT),
    word("spinning", Some(Move::Orbit), ORBIT),
    word("static", Some(Move::Static), &[]),
    word("locked-off", Some(Move::Static), &[]),
    word("locked off", Some(Move::Static), &[]),
    word("still camera", Some(Move::Static), &[]),
    word("camera stays still", Some(Move::Static), &[]),
    word("camera holds still", Some(Move::Static), &[]),
    word("fixed camera", Some(Move::Static), &[]),
    word("tripod", Some(Move::Static), &[]),
];

/// Words by which a word that also names a thing is known to be meant for the camera: before
/// it, or right after.
pub const CAMERA_WORDS: &[&str] = &[
    "camera",
    "slow",
    "slowly",
    "gentle",
    "gently",
    "smooth",
    "smoothly",
    "steady",
    "quick",
    "quickly",
    "fast",
    "long",
    "cinematic",
    "shot",
    "move",
    "movement",
    "across",
    "over",
    "along",
    "around",
];

/// Words that make moves smaller.
pub const SLOW_WORDS: &[&str] = &[
    "slow", "slowly", "gentle", "gently", "subtle", "subtly", "slight", "slightly", "calm",
    "calmly", "soft", "softly",
];

/// Words that make moves larger.
pub const FAST_WORDS: &[&str] = &[
    "fast",
    "quick",
    "quickly",
    "rapid",
    "rapidly",
    "dramatic",
    "dramatically",
    "swift",
    "swiftly",
    "energetic",
    "dynamic",
    "bold",
    "boldly",
];

/// Words that turn the next move off.
const NOT: &[&str] = &["no", "without", "not", "never", "don't", "avoid"];

/// What a prompt says about the camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// Each move once, in the order of the prompt; never empty.
    pub moves: Vec<Move>,
    /// How large they are: 1 is usual.
    pub amplitude: f32,
}

/// Reads a prompt. Without any word of the table it is a gentle push in.
pub fn read(prompt: &str) -> Direction {
    let tokens = tokens(prompt);
    let mut moves = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((found, used)) = longest(&tokens, at) else {
            at += 1;
            continue;
        };
        if let Some(meant) = meaning(found, &tokens, at, used)
            && !denied(&tokens, at)
            && !moves.contains(&meant)
        {
            moves.push(meant);
        }
        at += used;
    }
    // A prompt that holds the camera still and moves it as well means the movement.
    if moves.len() > 1 {
        moves.retain(|m| *m != Move::Static);
    }
    let says = |list: &[&str]| tokens.iter().any(|t| list.contains(&t.as_str()));
    let mut amplitude = match (says(SLOW_WORDS), says(FAST_WORDS)) {
        (true, false) => 0.7,
        (false, true) => 1.5,
        _ => 1.0,
    };
    if moves.is_empty() {
        moves.push(Move::PushIn);
        amplitude *= 0.75;
    }
    Direction { moves, amplitude }
}

/// Whether one of the two words before says no, and means this move.
fn denied(tokens: &[String], at: usize) -> bool {
    let before = tokens[at.saturating_sub(2)..at].iter().rev();
    let own = before.take_while(|t| !MOVES.iter().any(|m| m.word == t.as_str()));
    own.into_iter().any(|t| NOT.contains(&t.as_str()))
}

fn tokens(prompt: &str) -> Vec<String> {
    prompt
        .to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '\'' || c == '@'))
        .map(|t| t.trim_matches(|c| c == '-' || c == '\''))
        // A mention is a picture's name, whatever it is called.
        .filter(|t| !t.is_empty() && !t.starts_with('@'))
        .map(str::to_owned)
        .collect()
}

fn longest(tokens: &[String], at: usize) -> Option<(&'static MoveWord, usize)> {
    MOVES
        .iter()
        .filter_map(|m| {
            let words = m.word.split(' ').count();
            let here = tokens.get(at..at + words)?;
            m.word.split(' ').eq(here.iter().map(String::as_str)).then_some((m, words))
        })
        .max_by_key(|(_, words)| *words)
}

fn meaning(found: &MoveWord, tokens: &[String], at: usize, used: usize) -> Option<Move> {
    let after = &tokens[at + used..tokens.len().min(at + used + 3)];
    for token in after {
        if let Some((_, meant)) = found.directed.iter().find(|(d, _)| d == token) {
            return Some(*meant);
        }
        // Another move's word begins: its direction is its own.
        if MOVES.iter().any(|m| m.word == token) {
            break;
        }
    }
    if found.also_a_thing {
        let before = &tokens[at.saturating_sub(2)..at];
        let near = before.iter().chain(after.first());
        if !near.into_iter().any(|t| CAMERA_WORDS.contains(&t.as_str())) {
            return None;
        }
    }
    found.alone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(prompt: &str) -> Vec<Move> {
        read(prompt).moves
    }

    #[test]
    fn every_word_of_the_table_is_found() {
        for entry in MOVES {
            if let Some(alone) = entry.alone {
                assert_eq!(moves(&format!("slow {} of it", entry.word)), [alone], "{}", entry.word);
            }
            for (direction, meant) in entry.directed {
                let prompt = format!("the camera {} {direction}", entry.word);
                assert_eq!(moves(&prompt), [*meant], "{prompt}");
            }
        }
    }

    #[test]
    fn moves_combine_in_the_order_of_the_prompt() {
        assert_eq!(moves("push in while panning left"), [Move::PushIn, Move::PanLeft]);
        assert_eq!(
            moves("The camera pulls slowly back, tilts up and orbits to the right."),
            [Move::PullOut, Move::TiltUp, Move::OrbitRight]
        );
    }

    #[test]
    fn things_with_the_names_of_moves_do_not_move_the_camera() {
        assert_eq!(moves("a frying pan with two eggs"), [Move::PushIn]);
        assert_eq!(moves("a paper crane on a shelf"), [Move::PushIn]);
        assert_eq!(moves("@pan.left on marble"), [Move::PushIn]);
        assert_eq!(moves("a quiet spring street at dawn, slow pan"), [Move::Pan]);
    }

    #[test]
    fn a_denied_move_is_not_made() {
        assert_eq!(moves("no zoom, static"), [Move::Static]);
        assert_eq!(moves("orbit without zooming"), [Move::Orbit]);
    }

    #[test]
    fn slow_and_fast_change_the_amplitude() {
        let gentle = read("a mug").amplitude;
        let slow = read("slow dolly in").amplitude;
        let usual = read("dolly in").amplitude;
        let fast = read("fast dolly in").amplitude;
        assert!(slow < usual && usual < fast && gentle < usual);
    }

    #[test]
    fn the_document_lists_every_word() {
        let document = include_str!("../../../docs/animatic.md");
        for entry in MOVES {
            assert!(document.contains(&format!("`{}`", entry.word)), "{} is missing", entry.word);
        }
    }
}
