//! Every channel profile that can be used: shipped ones and the workspace's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::Value as Json;

use super::check::problems;
use super::profile::Channel;
use crate::diagnostic::{Finding, Findings, Place, Severity, Source, SourceId, Sources};
use crate::digest::{Digest, FieldHasher};
use crate::limits::Limits;
use crate::yaml::{self, Codes, FileCodes};

macro_rules! shipped {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../manifests/channels/", $file)))),+]
    };
}

/// Profiles that ship in the binary: file name and text.
pub const SHIPPED: &[(&str, &str)] = shipped![
    "amazon-listing.yaml",
    "google-merchant.yaml",
    "meta-feed.yaml",
    "meta-reels.yaml",
    "shopify-product.yaml",
    "tiktok-infeed.yaml",
    "youtube-shorts.yaml",
];

/// What a shot says that has no channel where the manifest's defaults name one.
pub const NO_CHANNEL: &str = "none";

/// The folder of the workspace that holds its own profiles.
const FOLDER: &str = "channels";

/// Most profiles that a workspace may have.
const MOST: usize = 1_000;

const CODES: Codes = Codes {
    unknown_key: "channel::unknown_key",
    missing_key: "channel::missing_key",
    wrong_type: "channel::wrong_type",
    unknown_value: "channel::unknown_value",
    wrong_value: "channel::wrong_value",
    forms: &[],
};

const FILE_CODES: FileCodes =
    FileCodes { unreadable: "channel::unreadable", limit: "channel::limit", utf8: "channel::utf8" };

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Channel).to_value());

/// The JSON Schema of channel profiles.
pub fn channel_schema() -> &'static Json {
    &SCHEMA
}

/// Channel profiles by name.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    profiles: BTreeMap<String, Arc<Channel>>,
    /// Names of the workspace's own.
    own: Vec<String>,
    digest: Option<Digest>,
}

impl Channels {
    /// The shipped profiles, and those in the workspace's `channels` folder, which win by name.
    /// Profiles with errors are left out.
    pub fn load(workspace: &Path, limits: &Limits, sources: &mut Sources) -> (Channels, Findings) {
        let mut loading = Loading {
            limits,
            sources,
            findings: Findings::default(),
            hasher: FieldHasher::new("channels"),
            profiles: BTreeMap::new(),
        };
        for (file, text) in SHIPPED {
            let source = Source {
                name: Arc::from(format!("(shipped) {FOLDER}/{file}")),
                path: Path::new(FOLDER).join(file),
                text: Some(Arc::from(*text)),
            };
            let id = loading.sources.add(source);
            loading.profile(text, id, true);
        }
        let read = yaml::read_folder(
            workspace,
            FOLDER,
            ("channel profiles", MOST),
            &FILE_CODES,
            limits,
            loading.sources,
            &mut loading.findings,
        );
        for (id, text) in read {
            loading.profile(&text, id, false);
        }
        let Loading { profiles, findings, hasher, .. } = loading;
        let own = profiles.iter().filter(|(_, (_, _, ships))| !ships);
        let own = own.map(|(name, _)| name.clone()).collect();
        let profiles = profiles.into_iter().map(|(name, (profile, ..))| (name, profile)).collect();
        (Channels { profiles, own, digest: Some(hasher.finish()) }, findings)
    }

    /// A profile by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Channel>> {
        self.profiles.get(name)
    }

    /// All profiles, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.profiles.values()
    }

    /// Whether a profile is the workspace's own.
    pub fn is_own(&self, name: &str) -> bool {
        self.own.iter().any(|own| own == name)
    }

    /// Digest over all profiles; absent where none were loaded.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl FromIterator<Channel> for Channels {
    /// Of two with one name, the later wins.
    fn from_iter<I: IntoIterator<Item = Channel>>(profiles: I) -> Self {
        let named =
            profiles.into_iter().map(|profile| (profile.channel.clone(), Arc::new(profile)));
        Channels { profiles: named.collect(), ..Channels::default() }
    }
}

struct Loading<'a> {
    limits: &'a Limits,
    sources: &'a mut Sources,
    findings: Findings,
    hasher: FieldHasher,
    /// The profile, where its name is written, and whether it ships.
    profiles: BTreeMap<String, (Arc<Channel>, Place, bool)>,
}

impl Loading<'_> {
    fn profile(&mut self, text: &str, source: SourceId, ships: bool) {
        self.hasher.field(text.as_bytes());
        // Limits are for what people bring; what ships is known to be good.
        let defaults = Limits::default();
        let limits = if ships { &defaults } else { self.limits };
        let Some(mut node) = yaml::read(text, source, limits, &mut self.findings) else {
            return;
        };
        if matches!(node.value, yaml::Value::Null) {
            let finding = Finding::error("channel::empty", "the channel profile is empty");
            self.findings.push(finding.at(Place::new(source, 0, 0), "nothing is written here"));
            return;
        }
        let errors = self.errors();
        if !yaml::check(&mut node, channel_schema(), &CODES, &mut self.findings) {
            return;
        }
        let profile: Channel = match yaml::decode(&node) {
            Ok(profile) => profile,
            Err(error) => {
                let place = error.place.unwrap_or(node.place);
                let finding = Finding::error("channel::wrong_value", error.message);
                self.findings.push(finding.at(place, "this value"));
                return;
            }
        };
        for (keys, message, help) in problems(&profile) {
            let place = yaml::place_of(&node, keys.iter().map(String::as_str));
            let finding = Finding::error("channel::wrong_value", message).at(place, "this value");
            self.findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
        if self.errors() == errors {
            self.enter(profile, yaml::place_of(&node, ["channel"].into_iter()), ships);
        }
    }

    fn enter(&mut self, profile: Channel, place: Place, ships: bool) {
        if let Some((_, first, first_ships)) = self.profiles.get(&profile.channel)
            && *first_ships == ships
        {
            let message = format!("two profiles are for the channel `{}`", profile.channel);
            let finding = Finding::error("channel::duplicate", message)
                .at(place, "again here")
                .also(*first, "first here")
                .help("keep one of them");
            self.findings.push(finding);
            return;
        }
        self.profiles.insert(profile.channel.clone(), (Arc::new(profile), place, ships));
    }

    fn errors(&self) -> usize {
        self.findings.count(Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Channels {
        let mut sources = Sources::default();
        let (channels, findings) =
            Channels::load(Path::new("/nowhere"), &Limits::default(), &mut sources);
        assert!(findings.is_empty(), "{findings:?}");
        channels
    }

    #[test]
    fn every_file_of_the_folder_ships_under_its_own_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/channels");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let ships: Vec<&str> = SHIPPED.iter().map(|(file, _)| *file).collect();
        assert_eq!(files, ships);
        let names: Vec<String> =
            shipped().iter().map(|profile| format!("{}.yaml", profile.channel)).collect();
        assert_eq!(names, ships);
    }

    #[test]
    fn every_shipped_figure_has_a_source_and_a_day() {
        for profile in shipped().iter() {
            for figure in profile.figures() {
                let source = profile.sources.iter().find(|s| s.figures.contains(&figure));
                let source =
                    source.unwrap_or_else(|| panic!("{}: {}", profile.channel, figure.as_str()));
                assert!(source.looked_up <= profile.as_of, "{}", profile.channel);
            }
        }
    }
}
