//! From a quote to a price: what would be written, and what speaks against it.
//!
//! A provider's word is taken only where it says all that the price needs. One figure does not make a
//! list by resolution, and what changes more than tenfold is rather a slip than a price.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Quote, Rate, RatePer};
use crate::models::AUTO_DURATION;
use crate::models::card::{AspectRatio, ModelCard, Route};
use crate::models::price::{Charge, ChargePer, Multiplier, Price, PriceFacts, Priced};

/// A price that changes more than so many times, up or down, is not taken unasked.
const MOST_TIMES: u32 = 10;

/// Digits after the point of an amount on a price list.
const FRACTION: u32 = 9;

/// By how many tokens their price is written, so that its digits suffice.
const TOKENS: u32 = 1_000_000;

/// Frames a second by which tokens are counted: `width × height × seconds × 24 / 1024`.
const TOKEN_FPS: u32 = 24;

/// The name of the option that switches sound on, where a card has it.
const AUDIO: &str = "audio";

/// What asking for a price brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What is to be done.
    pub verdict: Verdict,
    /// What a person should know beside it, in words.
    pub notes: Vec<String>,
    /// What a usual clip cost, and would cost.
    pub example: Option<Example>,
}

/// What a usual clip cost before and would cost now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The clip, in words.
    pub clip: String,
    /// Before, in the unit of before; absent: nobody knew.
    pub before: Option<Decimal>,
    /// Now; absent: nobody would know.
    pub now: Option<Decimal>,
}

/// What is to be done with a quote.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is what is known already; the price with the new day, unless only a part of it was told.
    Same(Option<Price>),
    /// This is the price now.
    Take(Price),
    /// This would be the price, but not unless a person asks for it.
    Doubtful(Price, String),
    /// It makes no price.
    Unusable(String),
}

impl Quote {
    /// What becomes of the quote for a model, whose price was `before`.
    pub fn propose(
        &self,
        card: &ModelCard,
        before: Option<&Price>,
        as_of: Date,
        source: &str,
    ) -> Proposal {
        let mut notes = Vec::new();
        let mut example = None;
        let verdict = match self.price(card, before, as_of, source, &mut notes) {
            Err(why) => Verdict::Unusable(why),
            Ok((price, mut doubts)) => {
                example = usual(card, before, &price);
                if let Some(problem) = price.problems(card).into_iter().next() {
                    Verdict::Unusable(format!("it makes no price: {}", problem.message))
                } else if before.is_some_and(|before| same(before, &price)) {
                    // A figure that is one line of several has confirmed that line alone.
                    Verdict::Same(notes.is_empty().then_some(price))
                } else {
                    doubts.extend(self.doubts(card, before, &price));
                    match doubts.is_empty() {
                        true => Verdict::Take(price),
                        false => Verdict::Doubtful(price, doubts.join("; ")),
                    }
                }
            }
        };
        Proposal { verdict, notes, example }
    }

    /// The price that the quote makes, and what speaks against it for its form.
    fn price(
        &self,
        card: &ModelCard,
        before: Option<&Price>,
        as_of: Date,
        source: &str,
        notes: &mut Vec<String>,
    ) -> Result<(Price, Vec<String>), String> {
        let mut doubts = Vec::new();
        let mut price = Price {
            unit: self.unit.clone(),
            worth: None,
            as_of,
            source: source.to_owned(),
            valid_from: None,
            valid_until: None,
            region: before.and_then(|before| before.region.clone()),
            charges: Vec::new(),
            // What no list tells stays as it is known.
            multipliers: before.map(|before| before.multipliers.clone()).unwrap_or_default(),
            minimum: self.minimum,
            rounding: before.and_then(|before| before.rounding.clone()),
        };
        if !self.whole {
            price.minimum = before.and_then(|before| before.minimum);
        }
        let known = before.map(|before| &before.charges[..]).unwrap_or_default();
        let mut charges = match before {
            _ if self.whole => table(card, &self.rates)?,
            Some(before) if self.counts_like(before) => {
                price.charges = self.renewed(before, notes)?;
                return Ok((price, doubts));
            }
            _ => {
                doubts.extend(self.too_little_for(card));
                self.rates.iter().map(|rate| charge(rate, None)).collect::<Result<_, _>>()?
            }
        };
        // What an option costs stays unknown where nobody tells it.
        let untold = self.untold(card, &price.multipliers);
        for charge in charges.iter_mut().filter(|c| c.per.is_for_the_clip()) {
            charge.without.extend(untold.iter().map(|name| (*name).clone()));
        }
        let was_untold = |name: &&&String| {
            let mut clips = known.iter().filter(|c| c.per.is_for_the_clip()).peekable();
            clips.peek().is_some() && clips.all(|c| c.without.contains(**name))
        };
        let newly: Vec<&str> =
            untold.iter().filter(|name| !was_untold(name)).map(|name| name.as_str()).collect();
        if !newly.is_empty() {
            let newly = newly.join(", ");
            doubts.push(format!(
                "it does not say what {newly} costs; taken, it holds without {newly} only"
            ));
        }
        if !self.whole {
            let beside = known.iter().filter(|c| !c.per.is_for_the_clip() || c.on_top);
            charges.extend(beside.cloned());
        }
        price.charges = charges;
        Ok((price, doubts))
    }

    /// Whether a price counts what the quote counts.
    fn counts_like(&self, before: &Price) -> bool {
        let of_clips = |charge: &&Charge| charge.per.is_for_the_clip() && !charge.on_top;
        let ours: BTreeSet<ChargePer> = self.rates.iter().map(|rate| counted(rate.per)).collect();
        let theirs: BTreeSet<ChargePer> =
            before.charges.iter().filter(of_clips).map(|charge| charge.per).collect();
        ours == theirs
    }

    /// Why one figure is not the whole price of a model, where it is not.
    fn too_little_for(&self, card: &ModelCard) -> Option<String> {
        let tokens = self.rates.iter().all(|rate| rate.per == RatePer::Token);
        let names: Vec<&str> = card.resolutions.keys().map(String::as_str).collect();
        (!tokens && names.len() > 1).then(|| {
            format!(
                "it is one figure, and the model makes {}, which may cost different amounts",
                names.join(", ")
            )
        })
    }

    /// The options of a card of whose cost the quote does not tell, neither by a rate nor by what is
    /// known besides.
    fn untold<'c>(&self, card: &'c ModelCard, multipliers: &[Multiplier]) -> Vec<&'c String> {
        let told = |name: &String| {
            name == AUTO_DURATION
                || (self.whole && name == AUDIO)
                || multipliers.iter().any(|m| m.options.contains(name))
        };
        card.options.keys().filter(|name| !told(name)).collect()
    }

    /// The charges of a price with the quote's figures in them.
    fn renewed(&self, before: &Price, notes: &mut Vec<String>) -> Result<Vec<Charge>, String> {
        let mut charges = before.charges.clone();
        for rate in &self.rates {
            let concerned = |charge: &Charge| {
                charge.per == counted(rate.per)
                    && !charge.on_top
                    && overlap(&charge.routes, &rate.routes)
            };
            let single = |charge: &Charge| {
                charge.amount.checked_div(Decimal::from(charge.each)).unwrap_or_default()
            };
            let amounts: BTreeSet<Decimal> =
                charges.iter().filter(|c| concerned(c)).map(|c| single(c).normalize()).collect();
            match amounts.len() {
                0 => return Err("the price has no line for what the figure counts".to_owned()),
                // A line that also holds for other routes would change for them, too.
                1 if charges.iter().filter(|c| concerned(c)).all(|c| rate.covers(c)) => {
                    for charge in charges.iter_mut().filter(|c| concerned(c)) {
                        let amount = rate.amount.checked_mul(Decimal::from(charge.each));
                        charge.amount = written(amount.ok_or("it is beyond what can be counted")?)?;
                    }
                }
                _ if amounts.contains(&rate.amount.normalize()) => notes.push(format!(
                    "the provider tells one figure, {}, which is one of the lines; the others it \
                     does not tell",
                    rate.amount.normalize()
                )),
                n => {
                    return Err(format!(
                        "the provider tells one figure, {} {} {}, and the price has {n} lines that \
                         it may be for: look at its page, and write them by hand",
                        rate.amount.normalize(),
                        self.unit,
                        rate.per.words()
                    ));
                }
            }
        }
        Ok(charges)
    }

    /// What speaks against a price by what it says.
    fn doubts(&self, card: &ModelCard, before: Option<&Price>, now: &Price) -> Vec<String> {
        let mut doubts = Vec::new();
        for unread in &self.unread {
            doubts.push(format!("not all of it is understood ({unread})"));
        }
        let before = before.filter(|before| {
            if before.unit != now.unit {
                let (was, is) = (&before.unit, &now.unit);
                doubts.push(format!("it counts in {is}, and the price was in {was}"));
            }
            before.unit == now.unit
        });
        for (clip, is) in clips(card, now) {
            let was = before.and_then(|before| of_clip(card, before, &clip));
            let doubt = match was {
                Some(was) if jumps(was, is) => {
                    let (was, is) = (was.normalize(), is.normalize());
                    Some(format!(
                        "{} would cost {is} {}, and cost {was}: more than {MOST_TIMES} times {}",
                        clip.words(),
                        now.unit,
                        if is > was { "as much" } else { "less" }
                    ))
                }
                None if is.is_zero() => Some(format!("{} would cost nothing", clip.words())),
                _ => None,
            };
            // One is enough to make a person look.
            if let Some(doubt) = doubt {
                doubts.push(doubt);
                break;
            }
        }
        doubts
    }
}

impl Rate {
    /// Whether it holds wherever a charge does, as far as routes go.
    fn covers(&self, charge: &Charge) -> bool {
        self.routes.is_empty()
            || (!charge.routes.is_empty() && charge.routes.iter().all(|r| self.routes.contains(r)))
    }
}

fn overlap(one: &[Route], other: &[Route]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|route| other.contains(route))
}

/// Whether two prices ask the same, whenever and wherever they were read.
fn same(one: &Price, other: &Price) -> bool {
    let bare = |price: &Price| {
        let mut charges = price.charges.clone();
        for charge in &mut charges {
            charge.amount = charge.amount.normalize();
        }
        (charges, price.minimum.map(|m| m.normalize()), price.unit.clone())
    };
    bare(one) == bare(other) && one.multipliers == other.multipliers
}

fn jumps(was: Decimal, is: Decimal) -> bool {
    let times = Decimal::from(MOST_TIMES);
    let above =
        |high: Decimal, low: Decimal| low.checked_mul(times).is_some_and(|most| high > most);
    above(is, was) || above(was, is)
}

fn counted(per: RatePer) -> ChargePer {
    match per {
        RatePer::Second => ChargePer::Second,
        RatePer::Clip => ChargePer::Clip,
        RatePer::Token => ChargePer::Token,
        RatePer::Picture => ChargePer::Image,
    }
}

/// An amount with as many digits as a price list may have.
fn written(amount: Decimal) -> Result<Decimal, String> {
    let rounded =
        amount.round_dp_with_strategy(FRACTION, RoundingStrategy::AwayFromZero).normalize();
    match rounded.is_zero() == amount.is_zero() {
        true => Ok(rounded),
        false => Err(format!("{amount} has more digits than a price can have")),
    }
}

/// The line of a price list that a rate is.
fn charge(rate: &Rate, resolutions: Option<Vec<String>>) -> Result<Charge, String> {
    let token = rate.per == RatePer::Token;
    let each = if token { TOKENS } else { 1 };
    let amount = rate.amount.checked_mul(Decimal::from(each));
    Ok(Charge {
        per: counted(rate.per),
        amount: written(amount.ok_or("it is beyond what can be counted")?)?,
        each,
        fps: token.then_some(TOKEN_FPS),
        compute: None,
        routes: rate.routes.clone(),
        resolutions: resolutions.unwrap_or_default(),
        seconds: Vec::new(),
        options: Vec::new(),
        without: Vec::new(),
        free: 0,
        on_top: false,
    })
}

/// The lines of a whole list: as few as say it.
fn table(card: &ModelCard, rates: &[Rate]) -> Result<Vec<Charge>, String> {
    let always_loud = card.api.values.get(AUDIO).is_some_and(|value| value.0 == true);
    let switched = card.options.contains_key(AUDIO);
    let mut lines = Vec::new();
    for audio in [false, true] {
        if !switched && audio != always_loud {
            continue;
        }
        let mut of = lines_of(card, rates.iter().filter(|rate| rate.audio == Some(audio)))?;
        for line in of.iter_mut().filter(|_| switched) {
            let switches = if audio { &mut line.options } else { &mut line.without };
            switches.push(AUDIO.to_owned());
        }
        lines.append(&mut of);
    }
    // Where sound costs nothing, the two halves say the same.
    if switched && lines.len().is_multiple_of(2) {
        let bare =
            |charge: &Charge| Charge { options: Vec::new(), without: Vec::new(), ..charge.clone() };
        let (quiet, loud) = lines.split_at(lines.len() / 2);
        if quiet.iter().map(bare).eq(loud.iter().map(bare)) {
            lines = quiet.iter().map(bare).collect();
        }
    }
    let mut pictures: Vec<Charge> = Vec::new();
    for rate in rates.iter().filter(|rate| rate.per == RatePer::Picture) {
        let mut line = charge(rate, None)?;
        line.on_top = pictures.iter().any(|known| overlap(&known.routes, &line.routes));
        pictures.push(line);
    }
    lines.append(&mut pictures);
    Ok(lines)
}

/// Lines for rates that name one route and one resolution each: those with one amount are one line.
fn lines_of<'r>(
    card: &ModelCard,
    rates: impl Iterator<Item = &'r Rate>,
) -> Result<Vec<Charge>, String> {
    type Worth = (RatePer, Decimal);
    let mut by_resolution: BTreeMap<&str, BTreeMap<Worth, BTreeSet<Route>>> = BTreeMap::new();
    for rate in rates {
        let (Some(resolution), [route]) = (&rate.resolution, &rate.routes[..]) else { continue };
        let worth = (rate.per, rate.amount);
        by_resolution.entry(resolution).or_default().entry(worth).or_default().insert(*route);
    }
    let mut lines: BTreeMap<(Worth, BTreeSet<Route>), Vec<String>> = BTreeMap::new();
    for (resolution, worths) in by_resolution {
        for (worth, routes) in worths {
            lines.entry((worth, routes)).or_default().push(resolution.to_owned());
        }
    }
    let all_routes = card.routes.len();
    let line = |(((per, amount), routes), resolutions): ((Worth, BTreeSet<Route>), Vec<String>)| {
        let routes = if routes.len() == all_routes { BTreeSet::new() } else { routes };
        let rate = Rate {
            per,
            amount,
            routes: routes.into_iter().collect(),
            resolution: None,
            audio: None,
        };
        let everywhere = resolutions.len() == card.resolutions.len();
        charge(&rate, (!everywhere).then_some(resolutions))
    };
    lines.into_iter().map(line).collect()
}

/// A clip that prices are compared by.
#[derive(Debug, Clone, Copy)]
struct Clip<'a> {
    route: Route,
    resolution: &'a str,
    seconds: Decimal,
}

impl Clip<'_> {
    fn words(&self) -> String {
        let Clip { route, resolution, seconds } = self;
        format!("a clip of {} s at {resolution} by {route}", seconds.normalize())
    }
}

/// What a clip costs that many make: five seconds at the usual resolution, by the first route.
fn usual(card: &ModelCard, before: Option<&Price>, now: &Price) -> Option<Example> {
    let seconds = card.durations.nearest(Decimal::from(5))?;
    let resolution = card.usual_resolution()?;
    let clip = Clip { route: *card.routes.keys().next()?, resolution, seconds };
    Some(Example {
        clip: clip.words(),
        before: before.and_then(|before| of_clip(card, before, &clip)),
        now: of_clip(card, now, &clip),
    })
}

/// Clips by every route and at every resolution, with what each costs.
fn clips<'a>(card: &'a ModelCard, price: &Price) -> Vec<(Clip<'a>, Decimal)> {
    let seconds = card.durations.shortest().unwrap_or(Decimal::ONE);
    let mut clips = Vec::new();
    for route in card.routes.keys() {
        for resolution in card.resolutions.keys() {
            let clip = Clip { route: *route, resolution, seconds };
            clips.extend(of_clip(card, price, &clip).map(|cost| (clip, cost)));
        }
    }
    clips
}

fn of_clip(card: &ModelCard, price: &Price, clip: &Clip<'_>) -> Option<Decimal> {
    let aspect = card.aspects.first().copied().unwrap_or(AspectRatio::USUAL);
    let (width, height) = card.resolutions.get(clip.resolution)?.size(aspect);
    let priced = price.of(&PriceFacts {
        route: clip.route,
        seconds: clip.seconds,
        resolution: clip.resolution,
        width,
        height,
        fps: Some(TOKEN_FPS),
        images: card.least_pictures(clip.route),
        options: &[],
        input_seconds: Decimal::ZERO,
    });
    match priced {
        Priced::Known(amount) => Some(amount.value),
        Priced::Unpriced => None,
    }
}

#[cfg(test)]
#[path = "proposal/tests.rs"]
mod tests;
