//! The shelf: every model card that can be used, shipped ones and the workspace's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::card::{AspectRatio, Durations, ModelCard, Resolution, Route, RouteAbility};
use super::price::{Price, Worth};
use super::price_file::{self, PriceFile, PriceFrom, PriceOrigin};
use super::workflow;
use crate::diagnostic::{Finding, Findings, Place, Source, SourceId, Sources, nearest};
use crate::digest::{Digest, FieldHasher};
use crate::limits::Limits;
use crate::money::Unit;
use crate::wire::names_after;
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
        let mut loader = Loading {
            day,
            limits,
            sources,
            findings: Findings::default(),
            hasher: FieldHasher::new("shelf"),
            cards: BTreeMap::new(),
            origins: BTreeMap::new(),
        };
        for (file, text) in SHIPPED {
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
        let mut worths: BTreeMap<Unit, Worth> = BTreeMap::new();
        for price in self.iter().filter_map(|card| card.price.as_ref()) {
            let Some(worth) = &price.worth else { continue };
            let younger = |known: &Worth| known.as_of < worth.as_of;
            if worths.get(&price.unit).is_none_or(younger) {
                worths.insert(price.unit.clone(), worth.clone());
            }
        }
        worths
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

/// Keys to a value, what is wrong with it, and what to do.
type Problem<'c> = (Vec<&'c str>, String, &'static str);

/// What a card says that can't be.
fn problems(card: &ModelCard) -> Vec<Problem<'_>> {
    let mut problems: Vec<Problem<'_>> = Vec::new();
    if card.kinora_model != 1 {
        let message = format!("version {} of the card language is not known", card.kinora_model);
        problems.push((vec!["kinora_model"], message, "write `kinora_model: 1`"));
    }
    for (key, text) in [("model", &card.model), ("provider", &card.provider)] {
        if text.trim().is_empty() || text.contains(char::is_whitespace) {
            problems.push((vec![key], format!("`{key}` must be one word"), ""));
        }
    }
    if card.routes.is_empty() {
        problems.push((vec!["routes"], "a model needs at least one route".to_owned(), ""));
    }
    for (route, ability) in &card.routes {
        if ability.min > ability.max {
            let message =
                format!("the route `{route}` has min {} above max {}", ability.min, ability.max);
            problems.push((vec!["routes", route.as_str(), "min"], message, ""));
        }
        if let Some(mention) = &ability.mention
            && !mention.0.contains("{n}")
            && !mention.0.contains("{name}")
        {
            let message = format!("`{}` is the same for every picture", mention.0);
            let help = "write `{n}` for a picture's position or `{name}` for its name";
            problems.push((vec!["routes", route.as_str(), "mention"], message, help));
        }
        picture_problems(*route, ability, &mut problems);
        for format in &ability.formats {
            if !["jpeg", "png", "webp"].contains(&format.as_str()) {
                let message = format!("Kinora reads no pictures in the format `{format}`");
                let help = "formats are jpeg, png and webp";
                problems.push((vec!["routes", route.as_str(), "formats"], message, help));
            }
        }
    }
    for route in card.api.routes.keys().filter(|route| !card.routes.contains_key(route)) {
        let message = format!("the card has no route `{route}`");
        let help = "name one of `routes:`";
        problems.push((vec!["api", "routes", route.as_str()], message, help));
    }
    duration_problems(&card.durations, &mut problems);
    only_problems(card, &mut problems);
    resolution_problems(card, &mut problems);
    for fps in &card.fps {
        if !(1..=240).contains(fps) {
            problems.push((vec!["fps"], format!("{fps} is no frame rate from 1 to 240"), ""));
        }
    }
    option_problems(card, &mut problems);
    problems
}

/// Limits of a route that no picture at all can keep.
fn picture_problems<'c>(route: Route, ability: &RouteAbility, problems: &mut Vec<Problem<'c>>) {
    let mut say = |key, message| problems.push((vec!["routes", route.as_str(), key], message, ""));
    if ability.min_side.zip(ability.max_side).is_some_and(|(min, max)| min > max) {
        say("min_side", format!("the route `{route}` has min_side above max_side"));
    }
    let square = ability.min_side.map(|side| u64::from(side).pow(2));
    if square.zip(ability.max_pixels).is_some_and(|(least, most)| least > most) {
        say("max_pixels", format!("the route `{route}` has max_pixels below its min_side squared"));
    }
    let wider = |min: AspectRatio, max: AspectRatio| {
        u64::from(min.width) * u64::from(max.height) > u64::from(max.width) * u64::from(min.height)
    };
    if ability.aspect_min.zip(ability.aspect_max).is_some_and(|(min, max)| wider(min, max)) {
        say(
            "aspect_min",
            format!("the route `{route}` has an aspect_min wider than its aspect_max"),
        );
    }
    for (key, none) in [
        ("max_side", ability.max_side == Some(0)),
        ("max_pixels", ability.max_pixels == Some(0)),
        ("max_bytes", ability.max_bytes == Some(0)),
    ] {
        if none {
            say(key, format!("the route `{route}` has {key} 0, which no picture has"));
        }
    }
}

fn duration_problems(durations: &Durations, problems: &mut Vec<Problem<'_>>) {
    match durations {
        Durations::Values(values) => {
            let keys = || vec!["durations", "values"];
            if values.is_empty() {
                problems.push((keys(), "no length at all can be made".to_owned(), ""));
            }
            for value in values.iter().filter(|v| **v <= Decimal::ZERO) {
                problems.push((keys(), format!("a length of {value} s can't be"), ""));
            }
        }
        Durations::Range { min, max, step } => {
            let keys = |key| vec!["durations", "range", key];
            if *min <= Decimal::ZERO {
                problems.push((keys("min"), "the shortest length must be above 0".to_owned(), ""));
            }
            if min > max {
                problems.push((keys("min"), format!("min {min} is above max {max}"), ""));
            }
            if *step < Decimal::ZERO {
                problems.push((keys("step"), "a step can't be below 0".to_owned(), ""));
            }
        }
    }
}

fn only_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    for only in &card.only {
        let keys = || vec!["only"];
        if only.durations.is_none() && only.aspects.is_empty() {
            let help = "write `durations` or `aspects`";
            problems.push((keys(), "a line of `only` says nothing".to_owned(), help));
        }
        for name in only.resolutions.iter().filter(|r| !card.resolutions.contains_key(*r)) {
            let message = format!("the card has no resolution `{name}`");
            problems.push((keys(), message, "name one of `resolutions:`"));
        }
        for route in only.routes.iter().filter(|r| !card.routes.contains_key(r)) {
            let message = format!("the card has no route `{route}`");
            problems.push((keys(), message, "name one of `routes:`"));
        }
        for aspect in only.aspects.iter().filter(|a| !card.aspects.contains(a)) {
            let message = format!("the card has no aspect {aspect}");
            problems.push((keys(), message, "name one of `aspects:`"));
        }
    }
}

fn resolution_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    if card.resolutions.is_empty() {
        problems.push((
            vec!["resolutions"],
            "a model needs at least one resolution".to_owned(),
            "",
        ));
    }
    let no_side = |n: u32| format!("{n} is no side from 16 to {} pixels", Resolution::MOST_SIDE);
    let possible = |n: u32| (16..=Resolution::MOST_SIDE).contains(&n);
    if let Some(side) = card.longest_side.filter(|side| !possible(*side)) {
        problems.push((vec!["longest_side"], no_side(side), ""));
    }
    for (name, resolution) in &card.resolutions {
        if !possible(resolution.short_side) {
            let message = no_side(resolution.short_side);
            problems.push((vec!["resolutions", name, "short_side"], message, ""));
        }
        for (aspect, size) in &resolution.sizes {
            let keys = || vec!["resolutions", name, "sizes", aspect];
            if AspectRatio::parse(aspect).is_none() {
                problems.push((keys(), format!("`{aspect}` is no aspect such as 9:16"), ""));
            }
            let side = |s: &str| s.parse::<u32>().is_ok_and(possible);
            if !size.split_once('x').is_some_and(|(w, h)| side(w) && side(h)) {
                problems.push((keys(), format!("`{size}` is no size such as 1280x720"), ""));
            }
        }
    }
}

fn option_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    for (name, option) in &card.options {
        let keys = |key| vec!["options", name.as_str(), key];
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            let message = format!("`{name}` is no name of an option");
            let help = "a small letter first, then small letters, digits or `_`";
            problems.push((vec!["options", name], message, help));
        }
        for resolution in option.resolutions.iter().filter(|r| !card.resolutions.contains_key(*r)) {
            let message = format!("the card has no resolution `{resolution}`");
            problems.push((keys("resolutions"), message, "name one of `resolutions:`"));
        }
        for route in option.routes.iter().filter(|r| !card.routes.contains_key(r)) {
            let message = format!("the card has no route `{route}`");
            problems.push((keys("routes"), message, "name one of `routes:`"));
        }
    }
    if card.price.is_some() && !card.prices.is_empty() {
        let help = "write all lists below `prices`, each with the days on which it holds";
        let message = "a card has `price` or `prices`, not both".to_owned();
        problems.push((vec!["prices"], message, help));
    }
    for (at, price) in card.prices.iter().enumerate() {
        let same =
            |p: &Price| (p.valid_from, p.valid_until) == (price.valid_from, price.valid_until);
        if card.prices[..at].iter().any(same) {
            let message = format!("list {} holds on the same days as an earlier one", at + 1);
            let help = "give one of them `valid_from` or `valid_until`";
            problems.push((vec!["prices"], message, help));
        }
    }
}

/// Options that the card's requests ask about and that it does not have.
fn option_findings(card: &ModelCard, node: &yaml::Node, findings: &mut Findings) {
    let yaml::Value::Map(entries) = &node.value else { return };
    let requests = entries.iter().filter(|entry| entry.key.text() == Some("api"));
    for (place, name) in requests.flat_map(|entry| names_after(&entry.value, "options.")) {
        if card.options.contains_key(&name) {
            continue;
        }
        let message = format!("the card has no option `{name}`");
        let finding = Finding::error("card::wrong_value", message).at(place, "asked for here");
        let help = match nearest(&name, card.options.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "add it to `options:`".to_owned(),
        };
        findings.push(finding.help(help));
    }
}

/// What is wrong with a card's price lists, at its place.
fn price_findings(card: &ModelCard, node: &yaml::Node, findings: &mut Findings) {
    let single = card.price.iter().map(|price| (vec!["price".to_owned()], price));
    let several = card.prices.iter().enumerate();
    let several = several.map(|(at, price)| (vec!["prices".to_owned(), at.to_string()], price));
    for (list, price) in single.chain(several) {
        for problem in price.problems(card) {
            let keys = list.iter().map(String::as_str).chain(problem.keys.iter().map(|k| &**k));
            let finding = Finding::error("card::wrong_value", problem.message);
            let finding = finding.at(yaml::place_of(node, keys), "this value");
            let help = problem.help;
            findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
    }
}
