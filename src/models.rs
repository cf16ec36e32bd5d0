//! Model cards: what one model at one provider can do, and what it costs.
//!
//! What lives here: the card's types, shipped and workspace cards, abilities, the price of a
//! job. What never does: prompts, references' files, HTTP.

mod api;
mod card;
mod check;
mod only;
mod option;
mod price;
mod price_file;
mod quote;
mod shelf;
mod workflow;

/// Name of the provider, and of its model, that ship in the program: no network, no key.
pub const BUILT_IN: &str = "animatic";

pub use api::{Api, RouteApi, Workflow};
pub use card::{
    AspectRatio, Durations, Mention, ModelCard, Resolution, Route, RouteAbility, USUAL_RESOLUTION,
};
pub use only::{NotTogether, Only};
pub use option::{AUTO_DURATION, ModelOption};
pub use price::{
    Charge, ChargePer, Compute, Multiplier, Price, PriceFacts, PriceProblem, Priced, Rounding,
    RoundingMode, Worth, worths,
};
pub use price_file::{
    ModelPrices, PRICE_FILE, PriceFile, PriceFrom, PriceOrigin, price_file_schema, price_file_text,
};
pub use quote::{Abilities, Example, Proposal, Quote, Rate, RatePer, Verdict};
pub use shelf::{SHIPPED, Shelf, model_card_schema};
