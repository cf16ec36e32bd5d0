//! Quotes become prices.
