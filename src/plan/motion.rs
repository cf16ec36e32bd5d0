//! Motion words: whether a prompt says that anything moves.
//!
//! What lives here: the list of English verbs and camera terms, and the decision to stay silent
//! where the language is unclear. What never does: reading the camera move itself (the animatic
//! does that).

/// Verbs, in their base form; `-s`, `-ed` and `-ing` forms are recognised by rule.
const VERBS: &str = "\
    pan tilt zoom dolly push pull orbit crane track truck arc circle follow rotate revolve \
    approach reveal glide slide sweep hover descend ascend retreat advance trail linger turn \
    spin move float fall drop rise fly drift sway swing swirl twist roll bounce shake \
    tremble wave flutter ripple flow pour drip splash spill blow melt burn flicker shimmer \
    sparkle glow fade grow shrink bloom open close unfold fold unwrap wrap unbox appear \
    disappear emerge transform morph change explode assemble scatter land settle lift lower \
    raise pass cross enter leave begin start stop come go walk run jump dance step lean sit \
    stand kneel stretch climb ride drive swim pick hold put place take give hand reach grab \
    catch throw touch tap press smile laugh nod look glance gaze blink breathe speak talk \
    sing whisper eat drink sip bite taste smell stir mix cut slice write draw paint type \
    read wear try use show present demonstrate pose play work cook clean wash brush apply \
    spray tie zip button kiss hug shiver";

/// Terms that are no regular verb form.
const TERMS: &str = "\
    static still motion movement moving handheld steadicam timelapse slow-motion slowmo \
    parallax flyover fly-through closer closer-up locked-off tripod rose fell ran flew rode \
    drove took gave stood sat lying tying rotation animate animated camera transition";

/// English words that the other languages of [`FOREIGN`] don't have.
const ENGLISH: &str = "the and with of from its under against soft light white black background";

/// Words that other languages have, some of them beside English ones.
const FOREIGN: &str = "\
    der das und mit auf ein eine einem einer vor im dem den le la les une un et avec sur \
    dans des du el los las con una y en il lo di della su het een van met op och med på og z \
    na w i";

/// Whether a prompt's literal text describes looks and no motion, for certain: it is English, it
/// is long enough to describe something, and no word in it moves.
pub(super) fn lacks_motion<'a>(texts: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut words, mut english, mut foreign) = (0, 0, 0);
    for text in texts {
        let separators = |c: char| !(c.is_alphanumeric() || c == '-' || c == '\'');
        for word in text.split(separators).filter(|w| !w.is_empty()) {
            let word = word.to_lowercase();
            if !word.is_ascii() || listed(FOREIGN, &word) {
                foreign += 1;
            }
            if moves(&word) || word.split('-').any(moves) {
                return false;
            }
            words += 1;
            english += usize::from(listed(ENGLISH, &word));
        }
    }
    words >= 3 && english >= 1 && foreign == 0
}

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

fn moves(word: &str) -> bool {
    listed(TERMS, word) || VERBS.split_whitespace().any(|verb| is_form_of(word, verb))
}

/// Whether a word is the verb's base form or its `-s`, `-es`, `-ed` or `-ing` form, with
/// a dropped `e`, a doubled consonant, or `y` as `i`.
fn is_form_of(word: &str, verb: &str) -> bool {
    const ENDINGS: [&str; 6] = ["", "s", "es", "d", "ed", "ing"];
    if let Some(ending) = word.strip_prefix(verb) {
        let doubled = verb.chars().next_back().and_then(|last| ending.strip_prefix(last));
        return ENDINGS.contains(&ending) || doubled.is_some_and(|e| e == "ed" || e == "ing");
    }
    let dropped = verb.strip_suffix('e').and_then(|stem| word.strip_prefix(stem));
    let as_i = verb.strip_suffix('y').and_then(|stem| word.strip_prefix(stem));
    dropped == Some("ing") || as_i.is_some_and(|ending| ending == "ies" || ending == "ied")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_only_describes_looks_is_found() {
        assert!(lacks_motion(["a red mug on white marble, soft daylight"]));
        assert!(lacks_motion(["", " on marble with the panel of a pancake"]));
    }

    #[test]
    fn any_form_of_a_verb_is_motion() {
        for text in [
            "the mug turns on marble",
            "the mug, slowly rotating, in the light",
            "a slow pan over the shelf",
            "the camera pushes in",
            "panning across the shelf",
            "a girl tries the mug",
            "a slow push-in on the mug",
            "the leaf is falling",
        ] {
            assert!(!lacks_motion([text]), "{text}");
        }
    }

    #[test]
    fn other_languages_are_left_alone() {
        assert!(!lacks_motion(["eine rote Tasse auf weissem Marmor, in der Sonne"]));
        assert!(!lacks_motion(["une tasse rouge sur du marbre blanc"]));
        assert!(!lacks_motion(["rote Tasse in Marmor, Tageslicht"]));
        assert!(!lacks_motion(["a mug"]));
    }
}
