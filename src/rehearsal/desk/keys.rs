//! Keys: whether a request has what the card asks for. Any key will do.

use serde_json::Value as Json;

use super::{Asked, Desk};
use crate::rehearsal::routes::{Shared, Step, Target, steps};

impl Desk {
    /// Whether a request must carry the key.
    pub(super) fn needs_key(&self, target: &Target) -> bool {
        let card = &self.card;
        match target {
            Target::Job(_, found) => {
                if found.first() == Some(&Step::Output) && card.output.request.is_none() {
                    return card.output.auth;
                }
                let of = |step: &Step| steps(card).into_iter().find(|(known, ..)| known == step);
                found.first().and_then(of).is_none_or(|(_, call, _)| call.auth)
            }
            Target::Upload(at) => card
                .images
                .upload
                .as_ref()
                .and_then(|upload| upload.steps.get(at.step))
                .is_none_or(|step| step.auth),
            Target::Shared(Shared::Other(_), _) => false,
            Target::Shared(Shared::Prices(prices) | Shared::Reckoned(prices), _) => {
                prices.needs_key
            }
            Target::Shared(..) | Target::Missing(..) => true,
        }
    }

    /// Whether a key came in the card's form. Any key will do, but a signed token must at least
    /// have that form.
    pub(super) fn has_key(&self, asked: &Asked) -> bool {
        let Some(auth) = &self.card.auth else { return true };
        let Some(text) = asked.headers.get(&auth.header.to_ascii_lowercase()) else {
            return auth.optional;
        };
        let (before, after) = auth.value.split_once("{key}").unwrap_or_default();
        let key = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let signs = auth.keys.iter().any(|source| source.jwt.is_some());
        key.is_some_and(|key| {
            let signed = signs && key.matches('.').count() == 2;
            !key.trim().is_empty() && (!signed || self.is_valid_token(key))
        })
    }

    /// Whether a token says who issued it and has not expired; its signature is nobody's here.
    fn is_valid_token(&self, token: &str) -> bool {
        let claims = token.split('.').nth(1).and_then(|part| {
            data_encoding::BASE64URL_NOPAD.decode(part.trim_end_matches('=').as_bytes()).ok()
        });
        let claims: Json =
            claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let now = self.clock.now().as_second();
        claims["iss"].is_string() && claims["exp"].as_i64().is_some_and(|exp| exp > now)
    }
}
