//! What a plan was made from, named by digests.
//!
//! What never lives here: reading files again; what was read is what is named.

use super::line::{CardUsed, FileUsed, LedgerMark, Origin, PriceMark};
use crate::diagnostic::Sources;
use crate::digest::Digest;
use crate::models::ModelCard;
use crate::protocol::{ProviderCard, Rack};

/// How shipped cards are called among the files that were read.
const SHIPPED: &str = "(shipped)";
/// Folders of cards, which are named one by one where a job needs them.
const CARDS: [&str; 2] = ["models/", "providers/"];

/// The word for model cards.
pub(super) const MODEL: &str = "model";
/// The word for provider cards.
pub(super) const PROVIDER: &str = "provider";

impl Origin {
    /// Of a loaded workspace: every file that was read, and every provider's card; a writer keeps
    /// those of its jobs, and adds their models and prices. `manifest` is its path as given.
    pub fn new(manifest: &str, sources: &Sources, rack: &Rack, ledger: LedgerMark) -> Origin {
        let is_card = |name: &str| {
            name.starts_with(SHIPPED) || CARDS.iter().any(|folder| name.starts_with(folder))
        };
        let files = sources.iter().filter(|(_, source)| !is_card(&source.name));
        let mut files: Vec<FileUsed> = files
            .filter_map(|(id, source)| {
                Some(FileUsed { path: source.name.to_string(), digest: sources.digest(id)? })
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup();
        let cards = rack.iter().map(|card| CardUsed::provider(card)).collect();
        let manifest = manifest.to_owned();
        Origin { manifest, files, cards, prices: Vec::new(), ledger }
    }
}

impl CardUsed {
    /// A provider's.
    pub fn provider(card: &ProviderCard) -> CardUsed {
        let (kind, name) = (PROVIDER.to_owned(), card.provider.clone());
        CardUsed { kind, name, digest: digest_of(card) }
    }

    /// A model's. Its price stands apart.
    pub fn model(card: &ModelCard) -> CardUsed {
        let (kind, name) = (MODEL.to_owned(), card.model.clone());
        CardUsed {
            kind,
            name,
            digest: digest_of(&ModelCard { price: None, prices: Vec::new(), ..card.clone() }),
        }
    }

    /// Whether it is a model's.
    pub fn is_model(&self) -> bool {
        self.kind == MODEL
    }
}

impl PriceMark {
    /// Of a model's card; absent where it has no price.
    pub fn of(card: &ModelCard) -> Option<PriceMark> {
        let price = card.price.as_ref()?;
        Some(PriceMark {
            model: card.model.clone(),
            unit: price.unit.to_string(),
            as_of: price.as_of.to_string(),
            source: price.source.clone(),
            digest: digest_of(price),
        })
    }
}

/// Digest of a value as JSON.
fn digest_of(value: &impl serde::Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(value).expect("cards are always JSON"))
}
