//! Prices: worked examples by hand, through the shipped cards and through prices written out.

use std::path::Path;

use kinora::diagnostic::Sources;
use kinora::limits::Limits;
use kinora::models::{AspectRatio, Price, PriceFacts, Priced, Route, Shelf};
use kinora::money::Amount;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

/// The day on which the examples were worked out.
const DAY: jiff::civil::Date = jiff::civil::date(2026, 11, 23);

/// One example of a table; numbers as they are written.
struct Example(Map<String, Json>);

impl Example {
    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            other => panic!("`{key}` is {other}"),
        }
    }

    fn decimal(&self, key: &str) -> Decimal {
        self.text(key).map_or(Decimal::ZERO, |text| text.parse().expect("a number"))
    }

    fn list(&self, key: &str) -> Vec<String> {
        let items = self.0.get(key).and_then(Json::as_array).into_iter().flatten();
        items.map(|item| item.as_str().expect("a text").to_owned()).collect()
    }

    fn name(&self) -> String {
        let what = self.text("model").unwrap_or_else(|| "a price".to_owned());
        format!("{what}: {}", self.text("formula").expect("every example says its formula"))
    }

    fn route(&self) -> Route {
        let written = self.text("route");
        let route = written.as_deref().unwrap_or("text");
        Route::ALL.into_iter().find(|r| r.as_str() == route).expect("a route")
    }

    fn price(&self) -> Option<Price> {
        let mut price = self.0.get("price")?.clone();
        let map = price.as_object_mut().expect("a mapping");
        map.entry("as_of").or_insert_with(|| "2026-11-22".into());
        map.entry("source").or_insert_with(|| "the example".into());
        Some(serde_json::from_value(exact(price)).expect("a price"))
    }

    /// What is asked for it, by its own price or by its shipped card.
    fn of(&self, shelf: &Shelf) -> (Option<Price>, Priced) {
        let (seconds, route) = (self.decimal("seconds"), self.route());
        let resolution = self.text("resolution").unwrap_or_else(|| "720p".to_owned());
        let options = self.list("options");
        let images = self.text("images").map_or(0, |n| n.parse().expect("a count"));
        let fps = self.text("fps").map(|fps| fps.parse().expect("a rate"));
        let facts = |(width, height), fps| PriceFacts {
            route,
            seconds,
            resolution: &resolution,
            width,
            height,
            fps,
            images,
            options: &options,
            input_seconds: self.decimal("input_seconds"),
        };
        if let Some(price) = self.price() {
            let size = self.text("size").unwrap_or_else(|| "1280x720".to_owned());
            let (width, height) = size.split_once('x').expect("a size");
            let side = |text: &str| text.parse::<u32>().expect("a side");
            let priced = price.of(&facts((side(width), side(height)), fps));
            return (Some(price), priced);
        }
        let name = self.text("model").expect("a model, or a price");
        let card = shelf.get(&name).unwrap_or_else(|| panic!("there is no card `{name}`"));
        assert!(card.routes.contains_key(&route), "{name} has no route {route}");
        assert!(card.durations.allows(seconds), "{name} makes no clip of {seconds} s");
        for option in &options {
            assert!(card.options.contains_key(option), "{name} has no option {option}");
        }
        let found = card.resolutions.get(&resolution);
        let size = found.unwrap_or_else(|| panic!("{name} makes no {resolution}"));
        let aspect = self.text("aspect").map(|text| AspectRatio::parse(&text).expect("an aspect"));
        let aspect = aspect.or(card.aspects.first().copied()).unwrap_or(AspectRatio::USUAL);
        let size = card.billed_size(route, &resolution, size.size(aspect));
        let facts = facts(size, fps.or(card.usual_fps()));
        let priced = card.price.as_ref().map_or(Priced::Unpriced, |price| price.of(&facts));
        (card.price.clone(), priced)
    }
}

/// Numbers as texts, so that none is ever a float.
fn exact(json: Json) -> Json {
    const WHOLE: [&str; 3] = ["each", "fps", "free"];
    match json {
        Json::Object(map) => {
            let entry = |(key, value): (String, Json)| {
                let value = if WHOLE.contains(&key.as_str()) { value } else { exact(value) };
                (key, value)
            };
            Json::Object(map.into_iter().map(entry).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(exact).collect()),
        Json::Number(number) => Json::String(number.to_string()),
        other => other,
    }
}

fn examples() -> Vec<Example> {
    let mut all = Vec::new();
    for file in ["tests/prices/shipped.yaml", "tests/prices/written.yaml"] {
        let text = std::fs::read_to_string(file).expect("the table");
        let list: Vec<Json> = serde_saphyr::from_str(&text).expect("a list of examples");
        all.extend(list.into_iter().map(|json| match json {
            Json::Object(map) => Example(map),
            other => panic!("{file}: {other}"),
        }));
    }
    all
}

fn shelf() -> Shelf {
    let nowhere = Path::new("tests/no-workspace");
    let (shelf, findings) = Shelf::load(nowhere, DAY, &Limits::default(), &mut Sources::default());
    assert!(!findings.has_errors(), "{:?}", findings.items());
    shelf
}

fn shown(priced: &Priced) -> String {
    match priced {
        Priced::Known(Amount { value, unit }) => format!("{} {unit}", value.normalize()),
        Priced::Unpriced => "unpriced".to_owned(),
    }
}

/// `1.50 USD` as it is compared: the number without zeros at its end.
fn normal(written: &str) -> String {
    match written.split_once(' ') {
        Some((number, unit)) => {
            let number: Decimal = number.parse().expect("a number");
            format!("{} {unit}", number.normalize())
        }
        None => written.to_owned(),
    }
}

#[test]
fn every_example_costs_what_was_worked_out_by_hand() {
    let (shelf, mut wrong) = (shelf(), Vec::new());
    let examples = examples();
    for example in &examples {
        assert!(example.text("source").is_some_and(|s| !s.is_empty()), "{}", example.name());
        let (price, priced) = example.of(&shelf);
        let expected = example.text("amount").expect("every example has its amount");
        if shown(&priced) != normal(&expected) {
            wrong.push(format!(
                "{}: {expected} expected, {} asked",
                example.name(),
                shown(&priced)
            ));
        }
        let Some(worth) = example.text("worth") else { continue };
        let of_one = price.as_ref().and_then(|p| p.worth.as_ref()).expect("a worth");
        let value = priced.known().expect("an amount").value * of_one.amount;
        let counted = Priced::Known(Amount::new(value, of_one.unit.clone()));
        if shown(&counted) != normal(&worth) {
            wrong.push(format!("{}: worth {worth}, not {}", example.name(), shown(&counted)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(examples.len() >= 80, "{} examples", examples.len());
}

#[test]
fn every_shipped_price_has_an_example() {
    let examples = examples();
    let named: Vec<String> = examples.iter().filter_map(|e| e.text("model")).collect();
    let shelf = shelf();
    let without: Vec<&str> = shelf
        .iter()
        .filter(|card| card.price.is_some() && !named.contains(&card.model))
        .map(|card| card.model.as_str())
        .collect();
    assert_eq!(without, Vec::<&str>::new());
}

#[test]
fn every_shipped_charge_is_used_by_an_example() {
    let (shelf, examples) = (shelf(), examples());
    let mut unused = Vec::new();
    for card in shelf.iter() {
        let Some(price) = &card.price else { continue };
        for at in 0..price.charges.len() {
            // Without the charge, some example would come out otherwise.
            let mut without = card.as_ref().clone();
            let list = without.price.as_mut().expect("a price");
            list.charges.remove(at);
            let alone: Shelf = std::iter::once(without).collect();
            let of_card = |e: &&Example| e.text("model").as_ref() == Some(&card.model);
            let differs = |e: &Example| shown(&e.of(&alone).1) != shown(&e.of(&shelf).1);
            if !examples.iter().filter(of_card).any(differs) {
                unused.push(format!("{}: charge {}", card.model, at + 1));
            }
        }
    }
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn nothing_about_prices_knows_floats() {
    let rooms = ["src/money.rs", "src/models/price.rs", "src/plan/estimate.rs"].map(Path::new);
    let parts = std::fs::read_dir("src/models/price").expect("the folder");
    let parts = parts.map(|entry| entry.expect("a file").path());
    for path in rooms.into_iter().map(Path::to_owned).chain(parts) {
        let text = std::fs::read_to_string(&path).expect("the source");
        for float in ["f32", "f64", "from_f", "to_f", "as_f"] {
            assert!(!text.contains(float), "{} says {float}", path.display());
        }
    }
}
