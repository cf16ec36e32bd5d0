//! One job as a row of the page's table.

use serde::Serialize;

use super::pictures::Thumbnails;
use crate::plan::JobLine;
use crate::report::phrase::{decimal, number, plain, shortened};

/// Characters of a prompt, of an address, of a model's name.
const PROMPT: usize = 140;
const NAME: usize = 200;

/// Pictures of one job that are shown.
const PICTURES: usize = 4;

/// A job, every value in words, and the values by which a column is sorted.
#[derive(Serialize)]
pub(super) struct JobView {
    address: String,
    change: String,
    why: String,
    prompt: String,
    model: String,
    route: &'static str,
    seconds: String,
    seconds_value: String,
    pictures: Vec<Thumb>,
    more_pictures: usize,
    priced: bool,
    low: String,
    low_value: String,
    expected: String,
    /// What is sorted by.
    value: String,
    high: String,
    high_value: String,
    extra: String,
    extra_value: String,
}

/// A reference's picture.
#[derive(Serialize)]
struct Thumb {
    name: String,
    class: Option<String>,
}

impl JobView {
    pub(super) fn of(line: &JobLine, thumbnails: &Thumbnails) -> Self {
        let why: Vec<&str> = line.why.iter().map(|part| part.as_str()).collect();
        let all = line.pictures.iter().zip(&line.references);
        let pictures = all
            .take(PICTURES)
            .map(|(path, name)| Thumb { name: text(name, NAME), class: thumbnails.class(path) });
        let amount = |value: &Option<String>| value.as_deref().map(decimal).unwrap_or_default();
        let bound =
            |value: &Option<String>| amount(if value.is_some() { value } else { &line.estimate });
        let sorted_by = |value: &Option<String>| {
            value.as_ref().or(line.estimate.as_ref()).cloned().unwrap_or_default()
        };
        JobView {
            address: text(&line.address, NAME),
            change: plain(&line.change).replace('_', " "),
            why: why.join(", "),
            prompt: text(&line.prompt, PROMPT),
            model: text(&line.model, NAME),
            route: line.route.as_str(),
            seconds: number(&line.seconds),
            seconds_value: line.seconds.clone(),
            pictures: pictures.collect(),
            more_pictures: line.references.len().saturating_sub(PICTURES),
            priced: line.estimate.is_some(),
            low: bound(&line.low),
            low_value: sorted_by(&line.low),
            expected: amount(&line.estimate),
            value: line.estimate.clone().unwrap_or_default(),
            high: bound(&line.high),
            high_value: sorted_by(&line.high),
            extra: amount(&line.image_extra),
            extra_value: line.image_extra.clone().unwrap_or_default(),
        }
    }
}

fn text(value: &str, most: usize) -> String {
    shortened(&plain(value), most)
}
