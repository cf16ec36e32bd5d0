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

impl FromIterator<ModelCard> for Shelf {
    /// A shelf of these cards; of two with one name, the later wins.
    fn from_iter<I: IntoIterator<Item = ModelCard>>(cards: I) -> Self {
        let named = cards.into_iter().map(|card| (card.model.clone(), Arc::new(card)));
        let cards: BTreeMap<String, Arc<ModelCard>> = named.collect();
        let text = serde_json::to_vec(&cards).ok();
        Shelf { digest: text.map(|text| Digest::of(&text)), cards }
    }
}
