//! The rack: every provider card that can be used, shipped ones and the workspace's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::Value as Json;

use super::card::ProviderCard;
use super::check::{names, problems};
use crate::diagnostic::{Finding, Findings, Place, Severity, Source, SourceId, Sources};
use crate::digest::{Digest, FieldHasher};
use crate::limits::Limits;
use crate::yaml::{self, Codes, FileCodes, Node};

macro_rules! shipped {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../manifests/providers/", $file)))),*]
    };
}

/// Cards that ship in the binary: file name and text.
pub const SHIPPED_PROVIDERS: &[(&str, &str)] = shipped![
    "byteplus.yaml",
    "comfyui.yaml",
    "dashscope.yaml",
    "fal.yaml",
    "google.yaml",
    "kling-3.yaml",
    "kling.yaml",
    "luma.yaml",
    "minimax-v1.yaml",
    "minimax.yaml",
    "openai-videos.yaml",
    "openrouter.yaml",
    "replicate.yaml",
    "runway.yaml",
    "vidu.yaml",
    "volcengine.yaml",
];

/// Most provider cards that a workspace may have; each is read whole at every start.
const MOST_CARDS: usize = 500;

const CODES: Codes = Codes {
    unknown_key: "provider::unknown_key",
    missing_key: "provider::missing_key",
    wrong_type: "provider::wrong_type",
    unknown_value: "provider::unknown_value",
    wrong_value: "provider::wrong_value",
    forms: crate::wire::FORMS,
};

const FILE_CODES: FileCodes = FileCodes {
    unreadable: "provider::unreadable",
    limit: "provider::limit",
    utf8: "provider::utf8",
};

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(ProviderCard).to_value());

/// The JSON Schema of provider cards.
pub fn provider_card_schema() -> &'static Json {
    &SCHEMA
}

/// Provider cards by name.
#[derive(Debug, Clone, Default)]
pub struct Rack {
    cards: BTreeMap<String, Arc<ProviderCard>>,
    /// Names of the workspace's own cards.
    own: BTreeSet<String>,
    digest: Option<Digest>,
}

impl Rack {
    /// The shipped cards, and those in the workspace's `providers` folder, which win by name.
    /// Cards with errors are left out.
    pub fn load(workspace: &Path, limits: &Limits, sources: &mut Sources) -> (Rack, Findings) {
        Self::load_over(SHIPPED_PROVIDERS, workspace, limits, sources)
    }

    /// The same over other cards (file names and texts) than those that ship, as for
    /// [`Shelf::load_over`](crate::models::Shelf::load_over).
    pub fn load_over(
        shipped: &[(&str, &str)],
        workspace: &Path,
        limits: &Limits,
        sources: &mut Sources,
    ) -> (Rack, Findings) {
        let mut loader = Loading {
            findings: Findings::default(),
            hasher: FieldHasher::new("rack"),
            nodes: BTreeMap::new(),
            cards: BTreeMap::new(),
        };
        let mut files: Vec<(SourceId, Arc<str>, bool)> = Vec::new();
        for (file, text) in shipped {
            let text: Arc<str> = Arc::from(*text);
            let source = Source {
                name: Arc::from(format!("(shipped) providers/{file}")),
                path: Path::new("providers").join(file),
                text: Some(text.clone()),
            };
            files.push((sources.add(source), text, true));
        }
        let own = yaml::read_folder(
            workspace,
            "providers",
            ("provider cards", MOST_CARDS),
            &FILE_CODES,
            limits,
            sources,
            &mut loader.findings,
        );
        files.extend(own.into_iter().map(|(source, text)| (source, text, false)));
        let defaults = Limits::default();
        let mut parsed = Vec::new();
        for (source, text, ships) in files {
            loader.hasher.field(text.as_bytes());
            // Limits are for what people bring; what ships is known to be good.
            let limits = if ships { &defaults } else { limits };
            if let Some(node) = loader.read(&text, source, limits) {
                parsed.push((node, ships));
            }
        }
        // A card can only be like one that is whole, so those come first.
        let (whole, alike): (Vec<_>, Vec<_>) =
            parsed.into_iter().partition(|(node, _)| node.get("like").is_none());
        for (node, ships) in whole.into_iter().chain(alike) {
            loader.card(node, ships);
        }
        let own = loader.cards.iter().filter(|(_, (.., ships))| !ships);
        let own = own.map(|(name, _)| name.clone()).collect();
        let cards = loader.cards.into_iter().map(|(name, (card, ..))| (name, card)).collect();
        (Rack { cards, own, digest: Some(loader.hasher.finish()) }, loader.findings)
    }

    /// A card by its name.
    pub fn get(&self, provider: &str) -> Option<&Arc<ProviderCard>> {
        self.cards.get(provider)
    }

    /// Whether a card is the workspace's own, so that a key goes where the workspace says.
    pub fn is_own(&self, provider: &str) -> bool {
        self.own.contains(provider)
    }

    /// All cards, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ProviderCard>> {
        self.cards.values()
    }

    /// Digest over all cards.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

struct Loading {
    findings: Findings,
    hasher: FieldHasher,
    /// Trees of whole cards, for those that are like them.
    nodes: BTreeMap<String, Node>,
    /// The card, where its name is written, and whether it ships.
    cards: BTreeMap<String, (Arc<ProviderCard>, Place, bool)>,
}

impl Loading {
    fn read(&mut self, text: &str, source: SourceId, limits: &Limits) -> Option<Node> {
        let node = yaml::read(text, source, limits, &mut self.findings)?;
        if matches!(node.value, yaml::Value::Null) {
            let finding = Finding::error("provider::empty", "the provider card is empty");
            self.findings.push(finding.at(Place::new(source, 0, 0), "nothing is written here"));
            return None;
        }
        Some(node)
    }

    fn card(&mut self, mut node: Node, ships: bool) {
        let errors = self.errors();
        if !self.complete(&mut node) {
            return;
        }
        let whole = node.clone();
        if !yaml::check(&mut node, provider_card_schema(), &CODES, &mut self.findings) {
            return;
        }
        let card: ProviderCard = match yaml::decode(&node) {
            Ok(card) => card,
            Err(error) => {
                // What the schema took out was reported; only what it let pass is said here.
                if self.errors() == errors {
                    let place = error.place.unwrap_or(node.place);
                    let finding = Finding::error("provider::wrong_value", error.message);
                    self.findings.push(finding.at(place, "this value"));
                }
                return;
            }
        };
        if self.errors() > errors {
            // What the schema took out would be missed by every other check.
            return;
        }
        for (place, message, help) in names(&card, &node) {
            let finding = Finding::error("provider::unknown_value", message).at(place, "here");
            self.findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
        for (keys, message, help) in problems(&card) {
            let place = yaml::place_of(&node, keys.iter().map(String::as_str));
            let finding = Finding::error("provider::wrong_value", message).at(place, "this value");
            self.findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
        if self.errors() == errors {
            let place = yaml::place_of(&node, ["provider"].into_iter());
            self.shelve(card, whole, place, ships);
        }
    }

    /// Takes what a card does not say from the one that it is like.
    fn complete(&mut self, node: &mut Node) -> bool {
        let Some(like) = node.get("like") else { return true };
        let (place, name) = (like.place, like.text().unwrap_or_default().to_owned());
        let Some(model) = self.nodes.get(&name) else {
            let known = self.nodes.keys().map(String::as_str);
            let help = match crate::diagnostic::nearest(&name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the name of a card that is not itself like another".to_owned(),
            };
            let message = format!("no whole provider card is named `{name}`");
            let finding = Finding::error("provider::unknown_like", message);
            self.findings.push(finding.at(place, "this card").help(help));
            return false;
        };
        let missing: Vec<yaml::Entry> = model
            .entries()
            .iter()
            .filter(|entry| entry.key.text().is_some_and(|key| node.get(key).is_none()))
            .cloned()
            .collect();
        if let yaml::Value::Map(entries) = &mut node.value {
            entries.extend(missing);
        }
        true
    }

    fn shelve(&mut self, card: ProviderCard, node: Node, place: Place, ships: bool) {
        if let Some((_, first, first_ships)) = self.cards.get(&card.provider)
            && *first_ships == ships
        {
            let message = format!("two cards are for the provider `{}`", card.provider);
            let finding = Finding::error("provider::duplicate", message);
            let finding = finding.at(place, "again here").also(*first, "first here");
            self.findings.push(finding.help("keep one of them"));
            return;
        }
        if card.like.is_none() {
            self.nodes.insert(card.provider.clone(), node);
        }
        self.cards.insert(card.provider.clone(), (Arc::new(card), place, ships));
    }

    fn errors(&self) -> usize {
        self.findings.count(Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_card_is_sound() {
        let mut sources = Sources::default();
        let folder = std::env::temp_dir().join("there is no such workspace");
        let (rack, findings) = Rack::load(&folder, &Limits::default(), &mut sources);
        let said: Vec<String> = findings.items().iter().map(|f| f.message.clone()).collect();
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(rack.iter().count(), SHIPPED_PROVIDERS.len());
    }
}
