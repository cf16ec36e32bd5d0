//! Channels that a manifest names: loading their profiles, and every name that is none.
//!
//! What never lives here: what a channel asks of a shot; planning decides that with the model.

use std::sync::Arc;

use super::load::{File, Loader};
use super::raw::{RawDefaults, RawShot};
use crate::channel::{Channels, NO_CHANNEL};
use crate::diagnostic::{Finding, nearest};
use crate::yaml::{Placed, Text};

/// The axis, and the key, that name channels.
const KEY: &str = "channel";

impl Loader<'_> {
    /// The profiles, where any is named: most manifests name none, and need not wait for them.
    pub(super) fn channels(&mut self, files: &[File]) -> Arc<Channels> {
        let named = named(files);
        if named.is_empty() {
            return Arc::default();
        }
        let folder = self.workspace.folder.clone();
        let (channels, found) = Channels::load(&folder, &self.limits, &mut self.sources);
        self.findings.merge(found);
        let digest = channels.digest();
        self.inputs.optional(digest.as_ref().map(|digest| &digest.as_bytes()[..]));
        for name in named.into_iter().filter(|name| channels.get(name.trim()).is_none()) {
            let message = format!("no channel is named `{}`", name.trim());
            let names = || channels.iter().map(|profile| profile.channel.as_str());
            let help = match nearest(name.trim(), names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "channels: {}; one of your own is a file in `channels/`",
                    names().collect::<Vec<_>>().join(", ")
                ),
            };
            let finding = Finding::error("manifest::unknown_channel", message);
            self.findings.push(finding.at(name.place, "no such channel").help(help));
        }
        Arc::new(channels)
    }
}

/// Every channel that is named, each where it is written.
fn named(files: &[File]) -> Vec<Text> {
    let defaults = files.first().and_then(|root| root.raw.defaults.as_ref());
    let mut named: Vec<&Text> = defaults.iter().filter_map(|d| d.value.channel.as_ref()).collect();
    for shot in files.iter().flat_map(|file| &file.raw.shots) {
        named.extend(shot.channel.as_ref());
        let axes = shot.matrix.0.iter().filter(|(axis, _)| &**axis == KEY);
        named.extend(axes.flat_map(|(_, values)| &values.value.items));
    }
    named.into_iter().filter(|name| name.trim() != NO_CHANNEL).cloned().collect()
}

/// The channel that is written, if it is one.
pub(super) fn channel(written: Option<&Text>) -> Option<Placed<String>> {
    let named = written.filter(|name| name.trim() != NO_CHANNEL);
    named.map(|name| Placed { value: name.trim().to_owned(), place: name.place })
}

/// Whether a shot has a channel, of which its templates may speak.
pub(super) fn has_channel(raw: &RawShot, defaults: Option<&RawDefaults>) -> bool {
    let written = raw.channel.as_ref().or_else(|| defaults?.channel.as_ref());
    written.is_some_and(|name| name.trim() != NO_CHANNEL)
        || raw.matrix.0.iter().any(|(axis, _)| &**axis == KEY)
}
