//! YAML: the one module that knows the YAML crate.
//!
//! What lives here: text → values with their places, limits on depth and aliases, and checking
//! against a schema with every problem reported at once. What never does: what a value means.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

/// A decimal read from its text, exactly; never by way of a float.
pub fn decimal<'de, D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(d)?;
    Decimal::from_str_exact(text.trim())
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no decimal number")))
}

/// A decimal that may be absent.
pub fn optional_decimal<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
    decimal(d).map(Some)
}

/// A list of decimals.
pub fn decimals<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Decimal>, D::Error> {
    Vec::<String>::deserialize(d)?
        .iter()
        .map(|text| {
            Decimal::from_str_exact(text.trim())
                .map_err(|_| serde::de::Error::custom(format!("`{text}` is no decimal number")))
        })
        .collect()
}
