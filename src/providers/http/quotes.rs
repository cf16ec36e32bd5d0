//! Asking a provider for its prices.
//!
//! What lives here: the requests, one model after another, and replies read into quotes. What never
//! does: anything while planning; what is done with a quote.

mod exact;
mod fal;
mod openrouter;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::driver::Driver;
use crate::models::{Abilities, ModelCard, Quote};
use crate::protocol::{Body, HttpCall, Method, PriceDialect, PriceList};
use crate::wire::{Filling, scope_of};

/// Pages of one list that are read.
const MOST_PAGES: usize = 20;

/// Units of each endpoint that a provider is asked to reckon, to check its list.
const RECKONED: u32 = 10;

/// What a provider answers about one model's price.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceAnswer {
    /// The model.
    pub model: String,
    /// The URL that was asked.
    pub source: String,
    /// What it costs, or why nobody knows, in words.
    pub quote: Result<Quote, String>,
    /// What the provider says that it can do, where it says so.
    pub abilities: Option<Abilities>,
}

impl Driver {
    /// Asks what these models cost. Spends nothing and submits nothing.
    ///
    /// # Errors
    /// Why the provider can't be asked at all, in words, without a key.
    pub async fn price_answers(&self, models: &[String]) -> Result<Vec<PriceAnswer>, String> {
        let Some(list) = &self.card.prices else {
            return Err(format!("`{}` has no price list that could be asked", self.card.provider));
        };
        let cards = models.iter().filter_map(|model| self.models.get(model));
        let cards: Vec<&ModelCard> = cards.map(|card| &**card).collect();
        match list.dialect {
            PriceDialect::Fal => self.ask_each(list, &cards).await,
            PriceDialect::Openrouter => self.ask_once(list, &cards).await,
        }
    }

    async fn ask_each(
        &self,
        list: &PriceList,
        cards: &[&ModelCard],
    ) -> Result<Vec<PriceAnswer>, String> {
        let base = self.price_url(&list.path)?;
        let mut answers = Vec::new();
        for card in cards {
            let endpoints = fal::endpoints(card);
            let source = with_query(&base, endpoints.iter().map(|id| ("endpoint_id", *id)))?;
            let quote = match self.fal_figures(&source).await {
                Ok(figures) => match fal::quote(card, &figures) {
                    Ok(quote) => Ok(self.checked(list, quote, &endpoints, &figures).await),
                    Err(why) => Err(self.mask.clean(&why)),
                },
                // Whoever is not let in, or can't be reached, is not asked again.
                Err(Trouble::Closed(why)) => return Err(why),
                Err(Trouble::Reply(why)) => Err(why),
            };
            answers.push(PriceAnswer { model: card.model.clone(), source, quote, abilities: None });
        }
        Ok(answers)
    }

    async fn fal_figures(
        &self,
        url: &str,
    ) -> Result<BTreeMap<String, Result<fal::Figure, String>>, Trouble> {
        let mut figures = BTreeMap::new();
        let mut next = url.to_owned();
        for _ in 0..MOST_PAGES {
            let page = fal::page(&self.price_page(&next).await?).map_err(Trouble::Reply)?;
            figures.extend(page.figures);
            let Some(cursor) = page.next else { return Ok(figures) };
            next =
                with_query(url, [("cursor", &cursor[..])].into_iter()).map_err(Trouble::Reply)?;
        }
        Err(Trouble::Reply(format!("the list does not end after {MOST_PAGES} pages")))
    }

    /// Holds the list against what the provider itself reckons, where it does.
    async fn checked(
        &self,
        list: &PriceList,
        mut quote: Quote,
        endpoints: &[&str],
        figures: &BTreeMap<String, Result<fal::Figure, String>>,
    ) -> Quote {
        let Some(path) = &list.estimate else { return quote };
        let units = endpoints.iter().map(|id| (*id, RECKONED)).collect();
        let amounts = endpoints.iter().filter_map(|id| figures.get(*id)?.as_ref().ok());
        let sum: rust_decimal::Decimal = amounts.map(|figure| figure.amount).sum();
        let reckoned = async {
            let url = self.price_url(path).map_err(Trouble::Reply)?;
            let body = self.price_call(url, Method::Post, Body::Json(fal::estimate_body(&units)));
            fal::estimated(&self.priced(body).await?).map_err(Trouble::Reply)
        };
        let expected = sum * rust_decimal::Decimal::from(RECKONED);
        match reckoned.await {
            Ok((total, currency)) if currency == quote.unit.as_str() && near(total, expected) => {}
            Ok((total, currency)) => quote.unread.push(format!(
                "for {RECKONED} units of each endpoint the provider itself reckons {total} \
                 {currency}, by its list it is {} {}",
                expected.normalize(),
                quote.unit
            )),
            // Its list stands all the same; only nothing has confirmed it.
            Err(_) => {}
        }
        quote
    }

    async fn ask_once(
        &self,
        list: &PriceList,
        cards: &[&ModelCard],
    ) -> Result<Vec<PriceAnswer>, String> {
        let source = self.price_url(&list.path)?;
        let body = self.price_page(&source).await.map_err(Trouble::words)?;
        let entries = openrouter::list(&body)?;
        let answer = |card: &&ModelCard| {
            // A list has models, whatever the route.
            let ids = card.routes.keys().map(|route| card.api_id(*route));
            let entry = ids.into_iter().next().and_then(|id| Some((id, entries.get(id)?)));
            let quote = match entry {
                Some((_, entry)) => openrouter::quote(card, entry),
                None => Err("the list does not have the model".to_owned()),
            };
            PriceAnswer {
                model: card.model.clone(),
                source: source.clone(),
                quote: quote.map_err(|why| self.mask.clean(&why)),
                abilities: entry.map(|(_, entry)| entry.abilities.clone()),
            }
        };
        Ok(cards.iter().map(answer).collect())
    }

    fn price_url(&self, path: &Filling) -> Result<String, String> {
        let scope = scope_of(&json!({ "variables": self.variables }));
        self.built()
            .url(path, &BTreeMap::new(), &scope)
            .map_err(|e| format!("the card's path of the price list: {e}"))
    }

    fn price_call(&self, url: String, method: Method, body: Body) -> HttpCall {
        HttpCall { method, url, headers: BTreeMap::new(), body, auth: true }
    }

    async fn price_page(&self, url: &str) -> Result<Json, Trouble> {
        self.priced(self.price_call(url.to_owned(), Method::Get, Body::Nothing)).await
    }

    /// A reply, its numbers as text.
    async fn priced(&self, mut call: HttpCall) -> Result<Json, Trouble> {
        let general = self.built().headers(&BTreeMap::new(), true, &scope_of(&json!({})));
        call.headers = general.unwrap_or_default();
        let reply = self.client.read(&call).await;
        let reply = reply.map_err(|t| Trouble::Closed(self.mask.clean(t.message())))?;
        if !reply.is_ok() {
            let why = self.http_error(&reply);
            let closed = matches!(reply.status, 401 | 402 | 403 | 429 | 500..);
            return Err(if closed { Trouble::Closed(why) } else { Trouble::Reply(why) });
        }
        if let Some(why) = reply.trouble() {
            return Err(Trouble::Reply(why));
        }
        exact::read(&reply.bytes)
            .map_err(|e| Trouble::Reply(format!("the reply is not JSON ({e})")))
    }
}

/// Why there is no list.
enum Trouble {
    /// Nothing more is asked of this provider.
    Closed(String),
    /// This reply is of no use.
    Reply(String),
}

impl Trouble {
    fn words(self) -> String {
        match self {
            Trouble::Closed(why) | Trouble::Reply(why) => why,
        }
    }
}

/// A URL with more parameters.
fn with_query<'a>(
    url: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<String, String> {
    let mut url = url::Url::parse(url).map_err(|e| format!("the price list has no URL ({e})"))?;
    for (name, value) in pairs {
        url.query_pairs_mut().append_pair(name, value);
    }
    // In a query a slash stands for itself (RFC 3986, 3.4), and people read these URLs.
    let readable = url.query().map(|query| query.replace("%2F", "/"));
    url.set_query(readable.as_deref());
    Ok(url.into())
}

/// Whether a provider's sum is ours, but for how it rounds.
fn near(theirs: rust_decimal::Decimal, ours: rust_decimal::Decimal) -> bool {
    let cent = rust_decimal::Decimal::new(1, 2);
    (theirs - ours).abs() <= cent.max(ours * cent)
}
