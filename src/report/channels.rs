//! Channel profiles, as people and programs read them.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::layout::{Ink, Paper};
use super::phrase::{grouped, plain};
use crate::channel::{Channel, ChannelSource, Figure, Frame};

/// Every profile: its shapes and pixels, lengths, bytes and safe zones, and where the figures are
/// from.
pub fn channels_text(
    channels: &[Arc<Channel>],
    is_own: impl Fn(&str) -> bool,
    width: usize,
    colour: bool,
) -> String {
    let paper = Paper::new(width, colour);
    let mut lines = Vec::new();
    for channel in channels {
        let whose = if is_own(&channel.channel) { ", of this workspace" } else { "" };
        let as_of = paper.ink(Ink::Quiet, &format!("as of {}{whose}", channel.as_of));
        lines.push(format!("{}  {as_of}", paper.ink(Ink::Strong, &channel.channel)));
        lines.extend(paper.prose("  ", &plain(&channel.title)));
        for line in facts(channel) {
            lines.extend(paper.prose("  ", &line));
        }
        for note in &channel.notes {
            lines.extend(paper.prose("  note ", &plain(note)));
        }
        for source in &channel.sources {
            let said = paper.prose("  from ", &said(source));
            lines.extend(said.iter().map(|line| paper.ink(Ink::Quiet, line)));
        }
        lines.push(String::new());
    }
    lines.extend(paper.prose(
        "",
        "`channel: NAME` on a shot, in `defaults` or as an axis of `matrix` gives a shot these \
         settings. A file in `channels/` beside the manifest adds a channel, or mends one.",
    ));
    lines.push(String::new());
    lines.join("\n")
}

fn facts(channel: &Channel) -> Vec<String> {
    let mut facts: Vec<String> = channel.frames.iter().map(frame).collect();
    facts.extend(channel.any_aspect.then(|| "any other shape is taken".to_owned()));
    facts.extend(channel.most.map(|most| format!("at most {most} pixels, lying or upright")));
    let mut limits = Vec::new();
    if let Some(length) = &channel.length {
        let advised = length.advised.map(|advised| format!("{advised} advised"));
        let bounds = channel.length_bounds();
        let taken = (bounds != (None, None)).then(|| length.to_string());
        limits.push(taken.into_iter().chain(advised).collect::<Vec<_>>().join(", "));
    }
    limits.extend(channel.max_bytes.map(|most| format!("at most {} bytes", grouped(most))));
    limits.extend(channel.fps.map(|fps| format!("{} to {} frames a second", fps.min, fps.max)));
    limits.extend((!channel.containers.is_empty()).then(|| channel.containers.join(" ")));
    facts.extend((!limits.is_empty()).then(|| plain(&limits.join(" · "))));
    facts
}

fn frame(frame: &Frame) -> String {
    let mut parts = vec![frame.aspect.to_string()];
    parts.extend(frame.best.map(|best| format!("best {best}")));
    parts.extend(frame.least.map(|least| format!("least {least}")));
    let zone = frame.safe_zone.filter(|zone| !zone.to_string().is_empty());
    parts.extend(zone.map(|zone| format!("keep clear: {zone}")));
    parts.join(" · ")
}

fn said(source: &ChannelSource) -> String {
    let figures: Vec<&str> = source.figures.iter().copied().map(Figure::as_str).collect();
    let whose = if source.own { "the channel's own words" } else { "other people's words" };
    plain(&format!(
        "{} ({whose}, looked up {}): {}",
        source.from,
        source.looked_up,
        figures.join(", ")
    ))
}

/// Every profile for programs.
pub fn channels_json(channels: &[Arc<Channel>], is_own: impl Fn(&str) -> bool) -> String {
    let one = |channel: &Arc<Channel>| {
        let mut json = serde_json::to_value(&**channel).unwrap_or_default();
        if let Json::Object(fields) = &mut json {
            fields.insert("own".to_owned(), json!(is_own(&channel.channel)));
        }
        json
    };
    let all: Vec<Json> = channels.iter().map(one).collect();
    format!("{:#}\n", json!({ "format_version": "1.0", "channels": all }))
}
