//! What a channel profile says that can't be, beyond what its schema refuses.

use rust_decimal::Decimal;

use super::profile::Channel;
use super::shelf::NO_CHANNEL;

/// Keys to a value (positions among them), what is wrong with it, and what to do.
pub(super) type Problem = (Vec<String>, String, &'static str);

/// What a profile says that can't be.
pub(super) fn problems(channel: &Channel) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |keys: &[&str], message: String, help: &'static str| {
        problems.push((keys.iter().map(ToString::to_string).collect(), message, help));
    };
    if channel.kinora_channel != 1 {
        let version = channel.kinora_channel;
        let message = format!("version {version} of the profile language is not known");
        say(&["kinora_channel"], message, "write `kinora_channel: 1`");
    }
    let name = &channel.channel;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        let help = "small letters, digits, `-` and `_`: it becomes a part of paths";
        say(&["channel"], format!("`{name}` is no name of a channel"), help);
    } else if name == NO_CHANNEL {
        let message = format!("`{NO_CHANNEL}` means that there is no channel");
        say(&["channel"], message, "give it another name");
    }
    if channel.frames.is_empty() {
        say(&["frames"], "a channel shows at least one shape".to_owned(), "");
    }
    for (at, frame) in channel.frames.iter().enumerate() {
        let at_key = at.to_string();
        if channel.frames[..at].iter().any(|earlier| earlier.aspect == frame.aspect) {
            let message = format!("the shape {} stands twice", frame.aspect);
            say(&["frames", &at_key, "aspect"], message, "keep one of them");
        }
        if let (Some(least), Some(best)) = (frame.least, frame.best)
            && !least.reached_by((best.width, best.height))
        {
            let message = format!("the best size {best} is below the least, {least}");
            say(&["frames", &at_key, "best"], message, "");
        }
        if let (Some(least), Some(most)) = (frame.least, channel.most)
            && !most.holds((least.width, least.height))
        {
            let message = format!("the least size {least} is above the most, {most}");
            say(&["frames", &at_key, "least"], message, "");
        }
        if let Some(zone) = frame.safe_zone
            && (zone.top + zone.bottom >= 100 || zone.left + zone.right >= 100)
        {
            let message = "the safe zone leaves nothing of the frame".to_owned();
            say(&["frames", &at_key, "safe_zone"], message, "write percent of each edge");
        }
    }
    length_problems(channel, &mut say);
    if let Some(rates) = channel.fps.filter(|rates| rates.min > rates.max) {
        let message = format!("min {} is above max {}", rates.min, rates.max);
        say(&["fps", "min"], message, "");
    }
    if channel.max_bytes == Some(0) {
        say(&["max_bytes"], "no file has 0 bytes".to_owned(), "");
    }
    if !channel.containers.is_empty() && !channel.containers.iter().any(|c| c == "mp4") {
        let message = format!("clips are MP4, and `{name}` takes none");
        let help = "add mp4, or leave `containers` out where clips are converted";
        say(&["containers"], message, help);
    }
    problems
}

fn length_problems(channel: &Channel, say: &mut impl FnMut(&[&str], String, &'static str)) {
    let Some(length) = &channel.length else { return };
    let turned = |min: Option<Decimal>, max: Option<Decimal>| match (min, max) {
        (Some(min), Some(max)) if min > max => Some(format!("min {min} is above max {max}")),
        _ => None,
    };
    if let Some(message) = turned(length.min, length.max) {
        say(&["length", "min"], message, "");
    }
    for (key, bound) in [("min", length.min), ("max", length.max)] {
        if let Some(bound) = bound.filter(|bound| *bound <= Decimal::ZERO) {
            say(&["length", key], format!("a length of {bound} s can't be"), "");
        }
    }
    let Some(advised) = &length.advised else { return };
    if let Some(message) = turned(advised.min, advised.max) {
        say(&["length", "advised", "min"], message, "");
    }
    for (key, bound) in [("min", advised.min), ("max", advised.max)] {
        if let Some(bound) = bound.filter(|bound| !channel.takes_length(*bound)) {
            let message = format!("{bound} s are advised, but not taken: {length}");
            say(&["length", "advised", key], message, "");
        }
    }
}
