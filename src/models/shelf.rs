//! The shelf: every model card that can be used, shipped ones and the workspace's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use serde_json::Value as Json;

use super::card::ModelCard;
use super::check::{option_findings, price_findings, problems};
use super::price::{Price, Worth, worths};
use super::price_file::{self, PriceFile, PriceFrom, PriceOrigin};
use super::workflow;
use crate::diagnostic::{Finding, Findings, Place, Source, SourceId, Sources};
use crate::digest::{Digest, FieldHasher};
use crate::limits::Limits;
use crate::money::Unit;
use crate::yaml::{self, Codes, FileCodes};

macro_rules! shipped {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../manifests/models/", $file)))),+]
    };
}

/// Cards that ship in the binary: file name and text.
pub const SHIPPED: &[(&str, &str)] = shipped![
    "animatic.yaml",
    "byteplus-seedance-1.5-pro.yaml",
    "byteplus-seedance-2.0-fast.yaml",
    "byteplus-seedance-2.0.yaml",
    "byteplus-seedance-2.5.yaml",
    "comfyui-still.yaml",
    "dashscope-wan2.2-kf2v-flash.yaml",
    "dashscope-wan2.6.yaml",
    "dashscope-wan2.7.yaml",
    "dashscope-wan3.0.yaml",
    "fal-kling-o3.yaml",
    "fal-minimax-h3.yaml",
    "fal-seedance-2.0.yaml",
    "fal-veo-3.1.yaml",
    "fal-vidu-q2.yaml",
    "fal-wan-2.7.yaml",
    "google-veo-3.1-fast.yaml",
    "google-veo-3.1-lite.yaml",
    "google-veo-3.1.yaml",
    "kling-3-3.0-omni.yaml",
    "kling-3-3.0-turbo.yaml",
    "kling-3-3.0.yaml",
    "kling-v1-6.yaml",
    "kling-v2-6.yaml",
    "kling-v3-omni.yaml",
    "kling-v3.yaml",
    "luma-ray-3.2.yaml",
    "minimax-h3-max.yaml",
    "minimax-h3.yaml",
    "minimax-v1-hailuo-02.yaml",
    "minimax-v1-hailuo-2.3-fast.yaml",
    "minimax-v1-hailuo-2.3.yaml",
    "minimax-v1-s2v-01.yaml",
    "openrouter-seedance-2.0.yaml",
    "openrouter-veo-3.1.yaml",
    "openrouter-wan-2.7.yaml",
    "replicate-kling-v3.yaml",
    "replicate-seedance-1-pro.yaml",
    "replicate-seedance-2.0.yaml",
    "runway-gen4-turbo.yaml",
    "runway-gen4.5.yaml",
    "runway-h3-max.yaml",
    "runway-hailuo3.yaml",
    "runway-kling-o3-pro.yaml",
    "runway-kling-o3-standard.yaml",
    "runway-kling2.5-turbo-pro.yaml",
    "runway-kling3.0-pro.yaml",
    "runway-kling3.0-standard.yaml",
    "runway-seedance2-5.yaml",
    "runway-seedance2-fast.yaml",
    "runway-seedance2-mini.yaml",
    "runway-seedance2.yaml",
    "runway-veo3.1-fast.yaml",
    "runway-veo3.1.yaml",
    "runway-wan3.yaml",
    "self-hosted-video.yaml",
    "vidu-2.0.yaml",
    "vidu-q1.yaml",
    "vidu-q2.yaml",
    "vidu-q3-pro.yaml",
    "vidu-q3-turbo.yaml",
    "vidu-q3.yaml",
    "volcengine-seedance-2.0-fast.yaml",
    "volcengine-seedance-2.0.yaml",
];

/// Most cards that a workspace may have; each is read whole at every start.
const MOST_CARDS: usize = 5_000;

/// Under which codes a card's schema speaks.
const CODES: Codes = Codes {
    unknown_key: "card::unknown_key",
    missing_key: "card::missing_key",
    wrong_type: "card::wrong_type",
    unknown_value: "card::unknown_value",
    wrong_value: "card::wrong_value",
    forms: crate::wire::FORMS,
};

const FILE_CODES: FileCodes =
    FileCodes { unreadable: "card::unreadable", limit: "card::limit", utf8: "card::utf8" };

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(ModelCard).to_value());

/// The JSON Schema of model cards.
pub fn model_card_schema() -> &'static Json {
    &SCHEMA
}

/// Model cards by name.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    cards: BTreeMap<String, Arc<ModelCard>>,
    /// Where each model's price is written.
    origins: BTreeMap<String, PriceOrigin>,
    price_file: Option<Arc<PriceFile>>,
    price_file_digest: Option<Digest>,
    day: Option<Date>,
    digest: Option<Digest>,
}

impl Shelf {
    /// The shipped cards, and those in the workspace's `models` folder, which win by name, each
    /// with the price that is in force on a day; the workspace's price file wins over the cards'
    /// own prices. Cards with errors are left out.
    pub fn load(
        workspace: &Path,
        day: Date,
        limits: &Limits,
        sources: &mut Sources,
    ) -> (Shelf, Findings) {
        Self::load_over(SHIPPED, workspace, day, limits, sources)
    }

    /// The same over other cards (file names and texts) than those that ship: fuzzing reads a
    /// workspace's cards thousands of times, and those that ship are a hundred.
    pub fn load_over(
        shipped: &[(&str, &str)],
        workspace: &Path,
        day: Date,
        limits: &Limits,
        sources: &mut Sources,
    ) -> (Shelf, Findings) {
        let mut loader = Loading {
            day,
            limits,
            sources,
            findings: Findings::default(),
            hasher: FieldHasher::new("shelf"),
            cards: BTreeMap::new(),
            origins: BTreeMap::new(),
        };
        for (file, text) in shipped {
            let name = format!("(shipped) models/{file}");
            let source = Source {
                name: Arc::from(name),
                path: Path::new("models").join(file),
                text: Some(Arc::from(*text)),
            };
            let id = loader.sources.add(source);
            loader.card(text, id, true, workspace);
        }
        loader.own_cards(workspace);
        let read = loader.price_file(workspace);
        let Loading { cards, origins, findings, hasher, .. } = loader;
        let shelf = Shelf {
            cards: cards.into_iter().map(|(name, (card, ..))| (name, card)).collect(),
            origins,
            price_file_digest: read.as_ref().map(|read| Digest::of(read.text.as_bytes())),
            price_file: read.map(|read| Arc::new(read.file)),
            day: Some(day),
            digest: Some(hasher.finish()),
        };
        (shelf, findings)
    }

    /// A card by its name.
    pub fn get(&self, model: &str) -> Option<&Arc<ModelCard>> {
        self.cards.get(model)
    }

    /// All cards, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ModelCard>> {
        self.cards.values()
    }

    /// What providers' own credits are worth, by the prices in force. Of two cards that disagree,
    /// the one counts whose word is younger; of equals, the first by name.
    pub fn worths(&self) -> BTreeMap<Unit, Worth> {
        worths(self.iter().map(Arc::as_ref))
    }

    /// Digest over all cards and the price file.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Where a model's price is written; absent for cards that stand in no file.
    pub fn price_origin(&self, model: &str) -> Option<&PriceOrigin> {
        self.origins.get(model)
    }

    /// The workspace's price file, where there is one that can be read.
    pub fn price_file(&self) -> Option<&PriceFile> {
        self.price_file.as_deref()
    }

    /// Digest of the price file's text.
    pub fn price_file_digest(&self) -> Option<Digest> {
        self.price_file_digest
    }

    /// The day on which its prices are in force; absent for a shelf that was not loaded.
    pub fn day(&self) -> Option<Date> {
        self.day
    }
}

impl FromIterator<ModelCard> for Shelf {
    /// A shelf of these cards; of two with one name, the later wins.
    fn from_iter<I: IntoIterator<Item = ModelCard>>(cards: I) -> Self {
        let named = cards.into_iter().map(|card| (card.model.clone(), Arc::new(card)));
        let cards: BTreeMap<String, Arc<ModelCard>> = named.collect();
        let text = serde_json::to_vec(&cards).ok();
        Shelf { digest: text.map(|text| Digest::of(&text)), cards, ..Shelf::default() }
    }
}

struct Loading<'a> {
    day: Date,
    limits: &'a Limits,
    sources: &'a mut Sources,
    findings: Findings,
    hasher: FieldHasher,
    /// The card, where its name is written, and whether it ships.
    cards: BTreeMap<String, (Arc<ModelCard>, Place, bool)>,
    origins: BTreeMap<String, PriceOrigin>,
}

impl Loading<'_> {
    /// Puts the prices of the workspace's price file in the place of the cards' own.
    fn price_file(&mut self, workspace: &Path) -> Option<price_file::Read> {
        let (limits, sources) = (self.limits, &mut *self.sources);
        let read = price_file::Read::of(workspace, limits, sources, &mut self.findings)?;
        self.hasher.field(b"price file").field(read.text.as_bytes());
        let names: Vec<&str> = self.cards.keys().map(String::as_str).collect();
        let card = |name: &str| self.cards.get(name).map(|(card, ..)| &**card);
        read.check(card, &names, self.day, &mut self.findings);
        for (model, prices) in &read.file.models {
            let Some((card, ..)) = self.cards.get_mut(model) else { continue };
            let in_force = Price::in_force(prices.lists(), self.day).cloned();
            let place = read.day_place(model, in_force.as_ref());
            self.origins.insert(model.clone(), PriceOrigin { from: PriceFrom::File, place });
            let card = Arc::make_mut(card);
            card.price = in_force;
            card.prices.clone_from(&prices.prices);
        }
        Some(read)
    }

    fn own_cards(&mut self, workspace: &Path) {
        let read = yaml::read_folder(
            workspace,
            "models",
            ("model cards", MOST_CARDS),
            &FILE_CODES,
            self.limits,
            self.sources,
            &mut self.findings,
        );
        for (source, text) in read {
            self.card(&text, source, false, workspace);
        }
    }

    fn card(&mut self, text: &str, source: SourceId, ships: bool, workspace: &Path) {
        self.hasher.field(text.as_bytes());
        // Limits are for what people bring; what ships is known to be good.
        let defaults = Limits::default();
        let limits = if ships { &defaults } else { self.limits };
        let Some(mut node) = yaml::read(text, source, limits, &mut self.findings) else {
            return;
        };
        if matches!(node.value, yaml::Value::Null) {
            self.findings.push(
                Finding::error("card::empty", "the model card is empty")
                    .at(Place::new(source, 0, 0), "nothing is written here"),
            );
            return;
        }
        let errors = self.errors();
        let usable = yaml::check(&mut node, model_card_schema(), &CODES, &mut self.findings);
        if !usable {
            return;
        }
        let mut card: ModelCard = match yaml::decode(&node) {
            Ok(card) => card,
            Err(error) => {
                let place = error.place.unwrap_or(node.place);
                let finding = Finding::error("card::wrong_value", error.message);
                self.findings.push(finding.at(place, "this value"));
                return;
            }
        };
        for (keys, message, help) in problems(&card) {
            let place = yaml::place_of(&node, keys.iter().copied());
            let finding = Finding::error("card::wrong_value", message).at(place, "this value");
            self.findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
        option_findings(&card, &node, &mut self.findings);
        price_findings(&card, &node, &mut self.findings);
        let lists = card.price.iter().chain(&card.prices);
        let in_force = Price::in_force(lists, self.day).cloned();
        let several = card.prices.iter().position(|list| Some(list) == in_force.as_ref());
        let several = several.map(|at| at.to_string());
        let keys = match &several {
            Some(at) => vec!["prices", at, "as_of"],
            None => vec!["price", "as_of"],
        };
        let day_place = yaml::place_of(&node, keys.into_iter());
        // A card in the box can't be of a later day than the program: then the clock is wrong.
        let future = in_force.as_ref().filter(|_| !ships);
        if let Some(message) = future.and_then(|price| price_file::in_the_future(price, self.day)) {
            let finding = Finding::error("card::future", message).at(day_place, "this day");
            self.findings.push(finding.help("write the day on which it was read"));
        }
        // All lists stay with the card: a plan says what comes after the one in force.
        card.prices.extend(card.price.take());
        card.price = in_force;
        if let Some(workflow) = &mut card.api.workflow {
            let (sources, findings) = (&mut *self.sources, &mut self.findings);
            let read = workflow::load(workflow, &node, workspace, limits, sources, findings);
            if let Some(text) = read {
                self.hasher.field(text.as_bytes());
            }
        }
        if self.errors() == errors {
            let origin = PriceOrigin { from: PriceFrom::Card, place: day_place };
            self.shelve(card, yaml::place_of(&node, ["model"].into_iter()), origin, ships);
        }
    }

    fn shelve(&mut self, card: ModelCard, place: Place, origin: PriceOrigin, ships: bool) {
        if let Some((_, first, first_ships)) = self.cards.get(&card.model)
            && *first_ships == ships
        {
            self.findings.push(
                Finding::error(
                    "card::duplicate",
                    format!("two cards are for the model `{}`", card.model),
                )
                .at(place, "again here")
                .also(*first, "first here")
                .help("keep one of them"),
            );
            return;
        }
        self.origins.insert(card.model.clone(), origin);
        self.cards.insert(card.model.clone(), (Arc::new(card), place, ships));
    }

    fn errors(&self) -> usize {
        self.findings.count(crate::diagnostic::Severity::Error)
    }
}
