//! `kinora models`: what can be planned with, and what it costs.

use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use kinora::diagnostic::Sources;
use kinora::exit::Exit;
use kinora::models::{ChargePer, ModelCard, Price, Shelf};
use kinora::money::display_value;
use serde_json::json;

use super::args::{Global, ModelsArgs};
use super::output::Output;
use super::workspace::{invalid, limits};
use super::Outcome;

/// Runs it.
pub fn models(arguments: &ModelsArgs, global: &Global, output: &Output) -> Outcome {
    let given = arguments.workspace.as_path();
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new(".")) };
    let mut sources = Sources::default();
    let (shelf, mut findings) = Shelf::load(folder, &limits(global), &mut sources);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    output.findings(&findings, &sources);
    if output.json {
        let cards: Vec<&ModelCard> = shelf.iter().map(|card| card.as_ref()).collect();
        output.data(&format!("{:#}", json!({ "format_version": "1.0", "models": cards })));
        return Ok(Exit::Done);
    }
    output.data(&table(&shelf, output.width));
    Ok(Exit::Done)
}

fn table(shelf: &Shelf, width: usize) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["model", "routes", "references", "seconds", "sizes", "price", "as of"]);
    for card in shelf.iter() {
        let routes: Vec<&str> = card.routes.keys().map(|r| r.as_str()).collect();
        let references = card.routes.values().map(|r| r.max).max().unwrap_or_default();
        let sizes: Vec<&str> = card.resolutions.keys().map(String::as_str).collect();
        table.add_row([
            card.model.clone(),
            routes.join(", "),
            references.to_string(),
            card.durations.to_string().trim_end_matches(" s").to_owned(),
            sizes.join(", "),
            card.price.as_ref().map_or("unpriced".to_owned(), price_line),
            card.price.as_ref().map_or(String::new(), |p| p.as_of.to_string()),
        ]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A price list in one line: `USD 0.1346/s (480p), 0.3034/s (720p)`.
fn price_line(price: &Price) -> String {
    if price.charges.iter().all(|c| c.amount.is_zero()) {
        return "free".to_owned();
    }
    let charges: Vec<String> = price
        .charges
        .iter()
        .map(|charge| {
            let per = match charge.per {
                ChargePer::Second => "s",
                ChargePer::Clip => "clip",
                ChargePer::Image => "picture",
            };
            let mut only: Vec<String> = charge.resolutions.clone();
            only.extend(charge.routes.iter().map(|r| r.to_string()));
            let only = if only.is_empty() { String::new() } else { format!(" ({})", only.join(", ")) };
            format!("{}/{per}{only}", display_value(charge.amount))
        })
        .collect();
    let least = price.minimum.map_or(String::new(), |m| format!(", at least {}", display_value(m)));
    format!("{} {}{least}", price.unit, charges.join(", "))
}
