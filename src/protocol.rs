//! Protocols: provider cards, the data that says how to speak to one provider's HTTP API.
//!
//! What lives here: the card's types, shipped and workspace cards, requests built from cards,
//! replies read by cards. Everything is pure: the same card and job give the same bytes. What
//! never does: sockets, keys' values, clocks, files other than cards.

mod call;
mod card;
mod check;
mod errors;
mod images;
mod keys;
mod prices;
mod progress;
mod rack;
mod rehearsal;
mod request;

pub use call::{Call, Encoding, Method};
pub use card::{
    Auth, Cancel, CostAt, Costs, Idempotency, Jwt, KeySource, Limits, Live, Lookup, Match, Paging,
    ProviderCard, Submit, TimeFilter, Variable,
};
pub use errors::{Class, ErrorRule, Errors, Stage};
pub use images::{Images, Transport, Upload, UploadBody, UploadStep};
pub use keys::Key;
pub use prices::{PriceDialect, PriceList};
pub use progress::{Batch, Hop, NoOutput, Output, Poll, State, StateRule, States};
pub use rack::{Rack, SHIPPED_PROVIDERS, provider_card_schema};
pub use rehearsal::{Other, Rehearsal, Reply};
pub use request::{Body, Built, HttpCall, JobScope, Part, PictureScope};

/// A mapping with at most one `T` for each of some names.
fn by_name<T: schemars::JsonSchema>(
    names: &[&str],
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    let value = generator.subschema_for::<T>().to_value();
    let properties: serde_json::Map<String, serde_json::Value> =
        names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
    schemars::json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false
    })
}
