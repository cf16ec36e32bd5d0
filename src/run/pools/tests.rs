//! Limits, turns, what happens without room, and breakers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::money::Micros;

mod properties;

/// 1 January 2027, noon.
const NOON: i64 = 1_798_761_600 + 43_200;

fn at(ms: u64) -> Moment {
    let since = Duration::from_millis(ms);
    let at = Timestamp::from_second(NOON + since.as_secs() as i64).expect("a time in range");
    Moment { since, at }
}

fn secs(n: u64) -> Moment {
    at(n * 1000)
}

fn pool(in_flight: Option<u32>, per_minute: Option<u32>, per_day: Option<u32>) -> PoolLimit {
    PoolLimit { in_flight, per_minute, per_day }
}

fn named<const N: usize>(limits: [(&str, PoolLimit); N]) -> BTreeMap<String, PoolLimit> {
    limits.into_iter().map(|(name, limit)| (name.to_owned(), limit)).collect()
}

fn pools(limits: PoolLimits) -> Pools<&'static str> {
    Pools::new(limits, &[], secs(0))
}

/// Takes all that has room.
fn take(pools: &mut Pools<&'static str>, now: Moment) -> (Vec<&'static str>, Vec<Seat>) {
    let mut taken = (Vec::new(), Vec::new());
    while let Next::Job(job, seat) = pools.pop(now) {
        taken.0.push(job);
        taken.1.push(seat);
    }
    taken
}

fn one(pools: &mut Pools<&'static str>, now: Moment) -> Seat {
    match pools.pop(now) {
        Next::Job(_, seat) => seat,
        Next::Wait(until) => panic!("nothing has room before {until:?}"),
    }
}

fn waits(pools: &mut Pools<&'static str>, now: Moment) -> Option<Duration> {
    match pools.pop(now) {
        Next::Job(job, _) => panic!("{job} has room"),
        Next::Wait(until) => until,
    }
}

fn whole(pause: Duration) -> Duration {
    pause
}

fn holding(day: i64, model: &str, attempts: u64) -> Holding {
    Holding {
        plan: Digest::of(b"plan"),
        run: 1,
        day,
        provider: "p".to_owned(),
        model: model.to_owned(),
        account: "team".to_owned(),
        held: Micros::ZERO,
        written_off: Micros::ZERO,
        attempts,
        overcharged: 0,
    }
}

#[test]
fn providers_models_and_shots_take_turns() {
    let mut pools = pools(PoolLimits::default());
    for n in 0..3 {
        pools.push(("p", "p/a", "turn"), ["a-turn-0", "a-turn-1", "a-turn-2"][n], secs(0));
    }
    pools.push(("p", "p/a", "mood"), "a-mood", secs(0));
    pools.push(("p", "p/b", "turn"), "b-turn", secs(0));
    pools.push(("q", "q/c", "turn"), "c-turn", secs(0));
    let (order, _) = take(&mut pools, secs(0));
    assert_eq!(order, ["a-turn-0", "c-turn", "b-turn", "a-mood", "a-turn-1", "a-turn-2"]);
    assert_eq!(pools.waiting(), 0);
}

#[test]
fn each_pool_holds_its_own_limit_and_stops_no_other() {
    let mut pools = pools(PoolLimits {
        in_flight: Some(6),
        providers: named([("p", PoolLimit::at_once(4)), ("q", PoolLimit::at_once(9))]),
        models: named([("p/a", PoolLimit::at_once(1))]),
        accounts: named([("team", PoolLimit::at_once(5))]),
        account_at: [("p", "team"), ("r", "team")]
            .map(|(p, a)| (p.to_owned(), a.to_owned()))
            .into(),
        ..PoolLimits::default()
    });
    for _ in 0..9 {
        for lane in [("p", "a"), ("p", "b"), ("q", "c"), ("r", "d")] {
            pools.push((lane.0, &format!("{}/{}", lane.0, lane.1), "s"), lane.1, secs(0));
        }
    }
    let (order, seats) = take(&mut pools, secs(0));
    assert_eq!(order, ["a", "c", "d", "b", "c", "d"], "the run has room for six");
    assert_eq!(waits(&mut pools, secs(0)), None, "only what leaves makes room");
    for seat in seats.into_iter().skip(1) {
        pools.leave(seat, Left::Taken, secs(1));
    }
    let (order, _) = take(&mut pools, secs(1));
    assert_eq!(order, ["b", "c", "d", "b", "c"], "one of a is in flight, and a has room for one");
}

#[test]
fn an_account_is_shared_by_the_providers_that_name_it() {
    let mut pools = pools(PoolLimits {
        accounts: named([("team", PoolLimit::at_once(2))]),
        account_at: [("p", "team"), ("q", "team")]
            .map(|(p, a)| (p.to_owned(), a.to_owned()))
            .into(),
        ..PoolLimits::default()
    });
    for (provider, model) in [("p", "p/a"), ("p", "p/a"), ("q", "q/b"), ("r", "r/c")] {
        pools.push((provider, model, "s"), "job", secs(0));
    }
    assert_eq!(take(&mut pools, secs(0)).0.len(), 3);
    assert_eq!(pools.waiting(), 1);
}

#[test]
fn a_minute_brings_what_it_may_and_a_tenth_at_once() {
    let limits = PoolLimits {
        providers: named([("p", pool(None, Some(30), None))]),
        ..PoolLimits::default()
    };
    let mut pools = pools(limits);
    for _ in 0..40 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    assert_eq!(take(&mut pools, secs(0)).0.len(), 3, "a tenth of thirty");
    assert_eq!(waits(&mut pools, secs(0)), Some(Duration::from_secs(2)));
    assert_eq!(waits(&mut pools, at(1999)), Some(Duration::from_secs(2)));
    assert_eq!(take(&mut pools, secs(2)).0.len(), 1);
    assert_eq!(
        pools.closed(secs(2))[0].why,
        "30 submissions a minute (limits.providers.p.per_minute)"
    );
}

#[test]
fn what_was_never_sent_costs_neither_the_minute_nor_the_day() {
    let limits = PoolLimits {
        models: named([("p/a", pool(None, Some(1), Some(2)))]),
        ..PoolLimits::default()
    };
    let mut pools = pools(limits);
    for _ in 0..9 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    for _ in 0..5 {
        let seat = one(&mut pools, secs(0));
        pools.leave(seat, Left::NotSent, secs(0));
    }
    let seat = one(&mut pools, secs(0));
    pools.leave(seat, Left::Refused, secs(0));
    assert_eq!(waits(&mut pools, secs(0)), Some(Duration::from_secs(60)), "it was sent");
    for minute in 1..3 {
        let seat = one(&mut pools, secs(60 * minute));
        pools.leave(seat, Left::Taken, secs(60 * minute));
    }
    assert_eq!(waits(&mut pools, secs(180)), Some(Duration::from_secs(43_200)), "until midnight");
}

#[test]
fn the_day_counts_earlier_runs_and_turns_over_at_midnight() {
    let limits = PoolLimits {
        providers: named([("p", pool(None, None, Some(5)))]),
        account_at: BTreeMap::from([("p".to_owned(), "team".to_owned())]),
        ..PoolLimits::default()
    };
    let today = day_number(secs(0).at);
    let held = [holding(today, "p/a", 1), holding(today, "p/b", 2), holding(today - 1, "p/a", 9)];
    let mut pools = Pools::new(limits, &held, secs(0));
    for _ in 0..20 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    let (order, mut seats) = take(&mut pools, secs(0));
    assert_eq!(order.len(), 2);
    let midnight = secs(43_200);
    assert_eq!(waits(&mut pools, secs(60)), Some(midnight.since));
    assert_eq!(
        pools.closed(secs(60)),
        [Closed {
            name: "p".to_owned(),
            why: "5 submissions a day (limits.providers.p.per_day), until midnight UTC".to_owned(),
            until: Some(midnight.since),
        }]
    );
    assert_eq!(take(&mut pools, midnight).0.len(), 5);
    // One of yesterday that is refused today makes no room today.
    pools.leave(seats.pop().expect("two were taken"), Left::Refused, midnight);
    assert!(waits(&mut pools, midnight).is_some());
    // A clock that is set back starts no day anew.
    let back = Moment { since: Duration::from_secs(50_000), at: secs(0).at };
    assert!(waits(&mut pools, back).is_some());
}

#[test]
fn without_room_half_as_many_go_once_for_a_whole_burst() {
    let mut pools = pools(PoolLimits {
        providers: named([("p", PoolLimit::at_once(16))]),
        models: named([("p/a", PoolLimit::at_once(16))]),
        ..PoolLimits::default()
    });
    for _ in 0..100 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    let (_, seats) = take(&mut pools, secs(0));
    assert_eq!(seats.len(), 16);
    for seat in seats {
        pools.crowded(&seat, Some(Duration::from_secs(7)), whole, secs(1));
        pools.leave(seat, Left::Refused, secs(1));
    }
    assert_eq!(waits(&mut pools, secs(1)), Some(Duration::from_secs(9)), "seven, and one more");
    assert_eq!(waits(&mut pools, secs(8)), Some(Duration::from_secs(9)));
    let (_, seats) = take(&mut pools, secs(9));
    assert_eq!(seats.len(), 8);
    // Half as many again, and a longer pause.
    pools.crowded(&seats[0], None, whole, secs(10));
    seats.into_iter().for_each(|seat| pools.leave(seat, Left::Refused, secs(10)));
    assert_eq!(waits(&mut pools, secs(10)), Some(Duration::from_secs(12)));
    let (_, seats) = take(&mut pools, secs(12));
    assert_eq!(seats.len(), 4);
    // Each window's worth of good answers makes room for one more.
    seats.iter().for_each(|seat| pools.had_room(seat));
    assert_eq!(take(&mut pools, secs(13)).0.len(), 1);
}

#[test]
fn one_is_always_tried_however_often_there_was_no_room() {
    let mut pools = pools(PoolLimits::default());
    for _ in 0..50 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    let mut now = 0;
    for _ in 0..30 {
        let seat = one(&mut pools, secs(now));
        pools.crowded(&seat, None, whole, secs(now + 1));
        pools.leave(seat, Left::Refused, secs(now + 1));
        let until = waits(&mut pools, secs(now + 1)).expect("a pause");
        assert!(until <= Duration::from_secs(now + 61), "no pause is longer than a minute");
        now = until.as_secs();
    }
    assert_eq!(take(&mut pools, secs(now)).0.len(), 1);
}

#[test]
fn a_model_without_room_stops_no_other_but_two_stop_their_provider() {
    let mut pools = pools(PoolLimits::default());
    for model in ["p/a", "p/b", "p/c"] {
        for _ in 0..5 {
            pools.push(("p", model, "s"), model, secs(0));
        }
    }
    let a = one(&mut pools, secs(0));
    pools.crowded(&a, Some(Duration::from_secs(60)), whole, secs(1));
    let b = one(&mut pools, secs(2));
    let c = one(&mut pools, secs(2));
    pools.had_room(&c);
    pools.crowded(&b, Some(Duration::from_secs(60)), whole, secs(3));
    assert_eq!(waits(&mut pools, secs(4)), None, "three are in flight, where one has room");
    for seat in [a, b, c] {
        pools.leave(seat, Left::Refused, secs(5));
    }
    let until = waits(&mut pools, secs(5));
    assert_eq!(until, Some(Duration::from_secs(64)));
    let names: Vec<String> = pools.closed(secs(5)).into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["p", "p/a", "p/b"]);
}

#[test]
fn equal_causes_in_a_row_close_a_model_and_a_good_try_opens_it() {
    let mut pools = pools(PoolLimits::default());
    for _ in 0..50 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    let fail = |pools: &mut Pools<&'static str>, cause: &str, now: Moment| {
        let seat = one(pools, now);
        let closed = pools.failed(&seat, cause, now);
        pools.leave(seat, Left::Taken, now);
        closed
    };
    for cause in ["transient", "transient", "invalid", "rate_limited", "policy"] {
        assert_eq!(fail(&mut pools, cause, secs(0)), None);
    }
    for _ in 0..3 {
        assert_eq!(fail(&mut pools, "invalid", secs(0)), None, "policy and room say nothing of it");
    }
    let early = one(&mut pools, secs(0));
    let closed = fail(&mut pools, "invalid", secs(1)).expect("the fifth in a row");
    insta::assert_snapshot!(closed.why, @"");
    assert_eq!(closed.until, Some(Duration::from_secs(31)));
    assert_eq!(pools.failed(&early, "invalid", secs(2)), None, "it was begun before");
    pools.leave(early, Left::Taken, secs(2));
    assert_eq!(waits(&mut pools, secs(30)), Some(Duration::from_secs(31)));
    // One tries it, and nobody else.
    let probe = one(&mut pools, secs(31));
    assert_eq!(waits(&mut pools, secs(32)), None);
    assert_eq!(pools.closed(secs(32))[0].until, None);
    // Without a word about the model, another may try.
    pools.leave(probe, Left::NotSent, secs(33));
    let closed = fail(&mut pools, "transient", secs(33)).expect("still closed");
    assert_eq!(closed.until, Some(Duration::from_secs(33 + 60)), "twice as long");
    let probe = one(&mut pools, secs(93));
    pools.went_well(&probe);
    pools.leave(probe, Left::Taken, secs(94));
    assert!(pools.closed(secs(94)).is_empty());
    assert!(take(&mut pools, secs(94)).0.len() > 1);
}

#[test]
fn three_tries_that_fail_close_a_model_for_the_run() {
    let mut pools = pools(PoolLimits::default());
    for _ in 0..50 {
        pools.push(("p", "p/a", "s"), "job", secs(0));
    }
    let mut now = secs(0);
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let seat = one(&mut pools, now);
        let closed = pools.failed(&seat, "transient", now);
        pools.leave(seat, Left::Taken, now);
        match closed {
            None => continue,
            Some(Closed { until: Some(until), .. }) => {
                pauses.push((until - now.since).as_secs());
                now = secs(until.as_secs());
            }
            Some(Closed { until: None, why, .. }) => {
                insta::assert_snapshot!(why, @"");
                break;
            }
        }
    }
    assert_eq!(pauses, [30, 60, 120]);
    assert!(pools.held("p/a").is_some());
    assert_eq!(waits(&mut pools, secs(100_000)), None);
    assert_eq!(pools.drain_model("p/a").len(), 42);
    assert_eq!(pools.waiting(), 0);
}

#[test]
fn what_only_a_person_can_mend_is_not_tried_again() {
    for cause in ["auth", "payment", "forbidden", "model", "card"] {
        let mut pools = pools(PoolLimits::default());
        let mut last = None;
        for _ in 0..5 {
            pools.push(("p", "p/a", "s"), "job", secs(0));
            let seat = one(&mut pools, secs(0));
            last = pools.failed(&seat, cause, secs(0));
            pools.leave(seat, Left::Refused, secs(0));
        }
        let closed = last.expect("closed");
        assert_eq!((closed.until, closed.name.as_str()), (None, "p/a"));
        assert_eq!(pools.held("p/a"), Some(&*format!("{cause}, 5 times in a row")));
    }
}

#[test]
fn a_model_is_held_once_and_others_go_on() {
    let mut pools = pools(PoolLimits::default());
    pools.push(("p", "p/a", "s"), "a", secs(0));
    pools.push(("p", "p/b", "s"), "b", secs(0));
    assert!(pools.hold("p/a", "it charged more than was reserved", secs(0)));
    assert!(!pools.hold("p/a", "again", secs(0)));
    assert_eq!(pools.held("p/a"), Some("it charged more than was reserved"));
    assert_eq!(pools.held("p/b"), None);
    assert_eq!(take(&mut pools, secs(0)).0, ["b"]);
}

#[test]
fn what_is_in_flight_already_takes_room_beyond_any_limit() {
    let limits = PoolLimits {
        models: named([("p/a", pool(Some(1), None, Some(1)))]),
        ..PoolLimits::default()
    };
    let mut pools = pools(limits);
    let left: Vec<Seat> = (0..3).map(|_| pools.occupy(("", "p", "p/a"), secs(0))).collect();
    pools.push(("p", "p/a", "s"), "job", secs(0));
    assert_eq!(pools.in_flight(), 3);
    for seat in left {
        assert_eq!(waits(&mut pools, secs(0)), None);
        pools.leave(seat, Left::Refused, secs(0));
    }
    assert_eq!(take(&mut pools, secs(0)).0.len(), 1);
}

#[test]
fn fifty_thousand_shots_that_wait_for_one_provider_cost_one_look() {
    let mut pools = pools(PoolLimits {
        providers: named([("p", PoolLimit::at_once(1))]),
        ..PoolLimits::default()
    });
    for shot in 0..50_000 {
        pools.push(("p", "p/a", &shot.to_string()), "job", secs(0));
    }
    let seat = one(&mut pools, secs(0));
    let mut looks = 0;
    let none = pools.lanes.pop(|_| {
        looks += 1;
        false
    });
    assert!(none.is_none());
    assert_eq!(looks, 1);
    pools.leave(seat, Left::Taken, secs(0));
    assert_eq!(pools.waiting(), 49_999);
}
