//! How long a run is expected to take: typical durations by what may be in flight at once, start
//! in a minute and start in a day.
//!
//! What never lives here: where typical durations are from, what pools do at a run. It is an
//! expectation, not a promise: queues at providers, failures and retries are not in it.

use std::collections::BTreeMap;

use super::access::Access;
use super::summary::WallTime;
use super::tally::Cells;
use crate::ledger::History;
use crate::manifest::{Catalogue, Concurrency, PoolLimit};
use crate::models::ModelCard;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Jobs of one model that a run would start.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Load<'a> {
    model: &'a str,
    provider: &'a str,
    /// Its account at the provider; empty where there is only one.
    account: &'a str,
    jobs: u64,
    /// How long one of them takes as a rule.
    each_ms: u64,
}

/// How long the jobs that a run would start are expected to take together; nothing where there
/// are none. Where nobody knows it of any of them, it is no second by no model.
pub(super) fn wall_time(
    cells: &Cells,
    catalogue: &Catalogue,
    access: &Access,
    history: &History,
) -> Option<WallTime> {
    let (mut loads, mut measured, mut unknown) = (Vec::new(), 0, 0);
    let mut cards: BTreeMap<&str, &ModelCard> = BTreeMap::new();
    cards.extend(cells.models().map(|card| (card.model.as_str(), &**card)));
    for (model, sums) in cells.by_model() {
        let Some(card) = cards.get(model) else { continue };
        let seen = history.typical_ms(model);
        let said = card.typical_seconds.map(|seconds| u64::from(seconds) * 1000);
        let Some(each_ms) = seen.or(said) else {
            unknown += sums.jobs;
            continue;
        };
        measured += if seen.is_some() { sums.jobs } else { 0 };
        let settings = catalogue.providers.get(&card.provider);
        let account = settings.map_or("", |settings| settings.account.as_str());
        let provider = card.provider.as_str();
        let each_ms = each_ms.max(1);
        loads.push(Load { model, provider, account, jobs: sums.jobs, each_ms });
    }
    let terms = |provider: &str| access.terms(provider);
    let ms = time_of(&loads, &catalogue.concurrency, &terms);
    let alone = |load| time_of(std::slice::from_ref(load), &catalogue.concurrency, &terms);
    // Of several that are as slow, the first by name.
    let slowest = loads.iter().rev().max_by_key(|load| alone(*load));
    let slowest = slowest.map_or_else(String::new, |load| load.model.to_owned());
    let time = WallTime { seconds: ms.div_ceil(1000), slowest, measured, unknown };
    (!loads.is_empty() || unknown > 0).then_some(time)
}

/// Milliseconds that all of these take: as long as the narrowest of the pools that they share
/// lets them.
fn time_of(loads: &[Load<'_>], said: &Concurrency, terms: &impl Fn(&str) -> PoolLimit) -> u64 {
    let run = PoolLimit { in_flight: said.in_flight, ..PoolLimit::default() };
    let mut most = pool_ms(run, loads.iter());
    for load in loads {
        let by_manifest = |named: &BTreeMap<String, PoolLimit>, name: &str| {
            named.get(name).copied().unwrap_or_default()
        };
        let (provider, of_terms) =
            (by_manifest(&said.providers, load.provider), terms(load.provider));
        let provider = PoolLimit {
            in_flight: provider.in_flight.or(of_terms.in_flight),
            per_minute: provider.per_minute.or(of_terms.per_minute),
            per_day: provider.per_day.or(of_terms.per_day),
        };
        let same_provider = loads.iter().filter(|other| other.provider == load.provider);
        let same_account =
            loads.iter().filter(|o| !load.account.is_empty() && o.account == load.account);
        let pools = [
            pool_ms(by_manifest(&said.models, load.model), std::iter::once(load)),
            pool_ms(provider, same_provider),
            pool_ms(by_manifest(&said.accounts, load.account), same_account),
        ];
        most = pools.into_iter().fold(most, u64::max);
    }
    most
}

/// Milliseconds that the jobs of one pool take.
fn pool_ms<'a>(limit: PoolLimit, loads: impl Iterator<Item = &'a Load<'a>>) -> u64 {
    let (mut jobs, mut work, mut longest) = (0u64, 0u128, 0u64);
    for load in loads {
        jobs += load.jobs;
        work += u128::from(load.jobs) * u128::from(load.each_ms);
        longest = longest.max(load.each_ms);
    }
    if jobs == 0 {
        return 0;
    }
    let narrow = |work: u128| u64::try_from(work).unwrap_or(u64::MAX);
    let at_once = limit.in_flight.map_or(longest, |seats| {
        let seats = u64::from(seats.max(1));
        // Jobs alike go in rounds. Of others, none begins later than when all that was before it
        // would have been spread evenly.
        let rounds = jobs.div_ceil(seats).saturating_mul(longest);
        let spread = narrow((work - u128::from(longest)).div_ceil(u128::from(seats)));
        rounds.min(spread.saturating_add(longest))
    });
    // The first begin at once.
    let waits = jobs - 1;
    let by_minute = limit
        .per_minute
        .map_or(0, |n| narrow(u128::from(waits) * u128::from(MINUTE_MS) / u128::from(n.max(1))));
    let by_day = limit.per_day.map_or(0, |n| (waits / u64::from(n.max(1))).saturating_mul(DAY_MS));
    at_once.max(by_minute.max(by_day).saturating_add(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(model: &'static str, jobs: u64, seconds: u64) -> Load<'static> {
        Load { model, provider: "p", account: "", jobs, each_ms: seconds * 1000 }
    }

    fn seconds(loads: &[Load<'_>], said: &Concurrency, provider: PoolLimit) -> u64 {
        time_of(loads, said, &|_| provider).div_ceil(1000)
    }

    #[test]
    fn without_limits_all_jobs_take_as_long_as_the_longest() {
        let loads = [load("a", 1_000_000, 60), load("b", 1, 90)];
        assert_eq!(seconds(&loads, &Concurrency::default(), PoolLimit::default()), 90);
        assert_eq!(seconds(&[], &Concurrency::default(), PoolLimit::default()), 0);
    }

    #[test]
    fn jobs_alike_go_in_rounds() {
        let said = Concurrency { in_flight: Some(8), ..Concurrency::default() };
        let of = |jobs| seconds(&[load("a", jobs, 60)], &said, PoolLimit::default());
        assert_eq!((of(1), of(8), of(9), of(16), of(17)), (60, 60, 120, 120, 180));
    }

    #[test]
    fn the_narrowest_pool_decides() {
        let loads = [load("a", 100, 60), load("b", 10, 60)];
        let mut said = Concurrency { in_flight: Some(50), ..Concurrency::default() };
        let provider = PoolLimit::at_once(20);
        assert_eq!(seconds(&loads, &said, provider), 360);
        said.models.insert("b".to_owned(), PoolLimit::at_once(1));
        assert_eq!(seconds(&loads, &said, provider), 600);
        said.providers.insert("p".to_owned(), PoolLimit::at_once(5));
        assert_eq!(seconds(&loads, &said, provider), 22 * 60, "the manifest's word stands");
    }

    #[test]
    fn an_account_is_shared_by_its_providers() {
        let of = |provider| Load { provider, account: "team", ..load(provider, 10, 60) };
        let mut said = Concurrency::default();
        said.accounts.insert("team".to_owned(), PoolLimit::at_once(2));
        assert_eq!(seconds(&[of("p"), of("q")], &said, PoolLimit::default()), 600);
        assert_eq!(seconds(&[load("p", 20, 60)], &said, PoolLimit::default()), 60);
    }

    #[test]
    fn what_may_start_in_a_minute_or_a_day_spreads_the_jobs() {
        let loads = [load("a", 61, 30)];
        let by = |per_minute, per_day| {
            let limit = PoolLimit { in_flight: None, per_minute, per_day };
            seconds(&loads, &Concurrency::default(), limit)
        };
        assert_eq!(by(Some(60), None), 60 + 30);
        assert_eq!(by(None, Some(61)), 30);
        assert_eq!(by(None, Some(30)), 2 * 86_400 + 30);
        assert_eq!(by(Some(1), Some(60)), 86_400 + 30);
    }
}
