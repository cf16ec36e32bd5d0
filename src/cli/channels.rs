//! `kinora channels`: where clips can be shown, and what is asked of them there.

use std::path::Path;

use kinora::channel::Channels;
use kinora::diagnostic::{Sources, nearest};
use kinora::exit::Exit;
use kinora::report;

use super::args::{ChannelsArgs, Global};
use super::output::Output;
use super::workspace::{invalid, limits};
use super::{Failure, Outcome};

/// Runs it.
pub fn channels(arguments: &ChannelsArgs, global: &Global, output: &Output) -> Outcome {
    let given = arguments.workspace.as_path();
    if !given.exists() {
        let message = format!("there is no manifest or folder {}", given.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new(".")) };
    let mut sources = Sources::default();
    let (channels, mut findings) = Channels::load(folder, &limits(global), &mut sources);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    output.findings(&findings, &sources);
    let mut shown: Vec<_> = channels.iter().cloned().collect();
    if let Some(name) = &arguments.channel {
        shown.retain(|channel| channel.channel == *name);
        if shown.is_empty() {
            return Err(unknown(name, &channels));
        }
    }
    let is_own = |name: &str| channels.is_own(name);
    if output.json {
        output.data(&report::channels_json(&shown, is_own));
    } else {
        output.data(&report::channels_text(&shown, is_own, output.width, output.color));
    }
    Ok(Exit::Done)
}

fn unknown(name: &str, channels: &Channels) -> Failure {
    let names = || channels.iter().map(|channel| channel.channel.as_str());
    let help = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("channels: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Failure::new(Exit::Usage, format!("no channel is named `{name}`; {help}"))
}
