//! The shelf: every model card that can be used, shipped ones and the workspace's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::card::ModelCard;
use crate::digest::Digest;

/// Cards that ship in the binary: file name and text.
pub const SHIPPED: &[(&str, &str)] = &[];

/// Model cards by name.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    cards: BTreeMap<String, Arc<ModelCard>>,
    digest: Option<Digest>,
}

impl Shelf {
    /// A card by its name.
    pub fn get(&self, model: &str) -> Option<&Arc<ModelCard>> {
        self.cards.get(model)
    }

    /// All cards, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ModelCard>> {
        self.cards.values()
    }

    /// Digest over all cards.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}
