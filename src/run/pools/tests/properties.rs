//! What holds over any order of events.

use super::*;
use crate::run::pools::bucket::Bucket;

/// Provider, model and shot of every lane.
const LANES: [(&str, &str, &str); 5] =
    [("p", "p/a", "x"), ("p", "p/a", "y"), ("p", "p/b", "x"), ("q", "q/c", "x"), ("q", "q/c", "z")];

/// Something that happens; numbers choose what it happens to.
#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Pop,
    Leave(usize, u8),
    Crowded(usize, u8),
    Throttled(usize),
    Took(usize),
    Done(usize),
    Fails(usize, u8),
    Passes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..LANES.len()).prop_map(Step::Push),
        8 => Just(Step::Pop),
        3 => (any::<usize>(), 0u8..3).prop_map(|(n, how)| Step::Leave(n, how)),
        1 => (any::<usize>(), 0u8..9).prop_map(|(n, wait)| Step::Crowded(n, wait)),
        1 => any::<usize>().prop_map(Step::Throttled),
        2 => any::<usize>().prop_map(Step::Took),
        1 => any::<usize>().prop_map(Step::Done),
        2 => (any::<usize>(), 0u8..4).prop_map(|(n, cause)| Step::Fails(n, cause)),
        2 => (0u64..40_000).prop_map(Step::Passes),
        1 => Just(Step::Passes(30_000_000)),
    ]
}

fn limits() -> PoolLimits {
    PoolLimits {
        in_flight: Some(6),
        providers: named([
            ("p", pool(Some(4), Some(40), None)),
            ("q", pool(Some(3), None, Some(7))),
        ]),
        models: named([("p/a", pool(Some(2), Some(15), Some(9)))]),
        accounts: named([("team", PoolLimit::at_once(5))]),
        account_at: [("p", "team"), ("q", "team")]
            .map(|(p, a)| (p.to_owned(), a.to_owned()))
            .into(),
        pace: PoolPace { hold_after: 2, ..PoolPace::default() },
    }
}

/// What was sent at a time, and on which day; a submission that is refused is not of the day.
struct Sent {
    lane: usize,
    since: Duration,
    day: i64,
    counts: bool,
}

proptest! {
    /// No limit is ever passed, nothing is lost, and a moment that is named is in the future.
    #[test]
    fn no_limit_is_ever_passed_and_nothing_is_lost(steps in proptest::collection::vec(step(), 0..300)) {
        let mut pools: Pools<usize> = Pools::new(limits(), &[], secs(0));
        let (mut now, mut pushed, mut popped) = (0u64, 0usize, 0usize);
        let mut inside: Vec<(Seat, usize, usize)> = Vec::new();
        let mut sent: Vec<Sent> = Vec::new();
        for step in steps {
            let of = |n: usize| (!inside.is_empty()).then(|| n % inside.len());
            match step {
                Step::Push(lane) => {
                    pools.push(LANES[lane], lane, at(now));
                    pushed += 1;
                }
                Step::Pop => match pools.pop(at(now)) {
                    Next::Job(lane, seat) => {
                        popped += 1;
                        let moment = at(now);
                        let day = day_number(moment.at);
                        sent.push(Sent { lane, since: moment.since, day, counts: true });
                        inside.push((seat, lane, sent.len() - 1));
                    }
                    Next::Wait(Some(until)) => prop_assert!(until > at(now).since),
                    Next::Wait(None) => {}
                },
                Step::Leave(n, how) => if let Some(n) = of(n) {
                    let (seat, _, number) = inside.swap_remove(n);
                    let how = [Left::Taken, Left::Refused, Left::NotSent][usize::from(how)];
                    sent[number].counts = how == Left::Taken;
                    if how == Left::NotSent {
                        // As if it had never been.
                        sent[number].since = Duration::MAX;
                    }
                    pools.leave(seat, how, at(now));
                },
                Step::Crowded(n, wait) => if let Some(n) = of(n) {
                    let wait = (wait > 0).then(|| Duration::from_secs(wait.into()));
                    pools.crowded(&inside[n].0, wait, |whole| whole / 2, at(now));
                },
                Step::Throttled(n) => if let Some(n) = of(n) {
                    pools.throttled(&inside[n].0, at(now));
                },
                Step::Took(n) => if let Some(n) = of(n) {
                    pools.had_room(&inside[n].0);
                },
                Step::Done(n) => if let Some(n) = of(n) {
                    pools.went_well(&inside[n].0);
                },
                Step::Fails(n, cause) => if let Some(n) = of(n) {
                    let cause = ["transient", "invalid", "policy", "auth"][usize::from(cause)];
                    if let Some(closed) = pools.failed(&inside[n].0, cause, at(now))
                        && closed.until.is_none()
                    {
                        let drained = pools.drain_model(&closed.name);
                        popped += drained.len();
                    }
                },
                Step::Passes(ms) => now += ms,
            }
            let within = |f: &dyn Fn(usize) -> bool| inside.iter().filter(|(_, l, _)| f(*l)).count();
            prop_assert!(inside.len() <= 5);
            prop_assert!(within(&|l| LANES[l].0 == "p") <= 4);
            prop_assert!(within(&|l| LANES[l].0 == "q") <= 3);
            prop_assert!(within(&|l| LANES[l].1 == "p/a") <= 2);
            prop_assert_eq!(pools.in_flight() as usize, inside.len());
            prop_assert_eq!(pools.waiting(), pushed - popped);
        }
        let of_day = |name: &dyn Fn(usize) -> bool, day: i64| {
            sent.iter().filter(|s| name(s.lane) && s.day == day && s.counts).count()
        };
        for day in sent.iter().map(|s| s.day) {
            prop_assert!(of_day(&|l| LANES[l].0 == "q", day) <= 7);
            prop_assert!(of_day(&|l| LANES[l].1 == "p/a", day) <= 9);
        }
        // From any submission on, no more follow than a full bucket and what flows in.
        for (name, rate) in [(0usize, 40u32), (1, 15)] {
            let of = |s: &&Sent| match name {
                0 => LANES[s.lane].0 == "p",
                _ => LANES[s.lane].1 == "p/a",
            };
            let mut times: Vec<Duration> = sent.iter().filter(of).map(|s| s.since).collect();
            times.retain(|t| *t != Duration::MAX);
            times.sort();
            for (first, start) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let burst = f64::from((rate / 10).max(1));
                    let most = f64::from(rate) * (*end - *start).as_secs_f64() / 60.0 + burst;
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6);
                }
            }
        }
    }

    /// Between two that have work and room, served counts never differ by more than one: models
    /// of one provider, and shots of one model, whatever else comes and goes.
    #[test]
    fn those_with_work_and_room_are_served_alike(
        jobs in proptest::collection::vec(1usize..30, 4),
        room in 1u32..4,
    ) {
        let limits = PoolLimits { in_flight: Some(room), ..PoolLimits::default() };
        let mut pools: Pools<usize> = Pools::new(limits, &[], secs(0));
        // Two models of two shots each; whoever has many is pushed first.
        for (lane, count) in jobs.iter().enumerate() {
            for _ in 0..*count {
                let (model, shot) = (["p/a", "p/b"][lane / 2], ["x", "y"][lane % 2]);
                pools.push(("p", model, shot), lane, secs(0));
            }
        }
        let mut left = jobs.clone();
        let (mut served, mut models) = ([0usize; 4], [0usize; 2]);
        let mut inside = std::collections::VecDeque::new();
        while pools.waiting() > 0 {
            while let Next::Job(lane, seat) = pools.pop(secs(0)) {
                left[lane] -= 1;
                served[lane] += 1;
                models[lane / 2] += 1;
                inside.push_back(seat);
                if left[0] + left[1] > 0 && left[2] + left[3] > 0 {
                    prop_assert!(models[0].abs_diff(models[1]) <= 1, "{models:?}");
                }
                for model in [0, 2] {
                    if left[model] > 0 && left[model + 1] > 0 {
                        let differ = served[model].abs_diff(served[model + 1]);
                        prop_assert!(differ <= 1, "{served:?}");
                    }
                }
            }
            let seat = inside.pop_front().expect("something is in flight");
            pools.leave(seat, Left::Taken, secs(0));
        }
        prop_assert_eq!(left, [0; 4]);
    }

    /// A bucket never gives more than what flowed in and one burst, and gives at the very moment
    /// that it names.
    #[test]
    fn a_bucket_gives_what_flows_in(rate in 1u32..5_000, waits in proptest::collection::vec(0u64..5_000, 1..200)) {
        let mut bucket = Bucket::new(rate, Duration::ZERO);
        let (mut now, mut given) = (Duration::ZERO, 0u128);
        for wait in waits {
            now += Duration::from_millis(wait);
            let ready = bucket.ready(now);
            if ready > now && wait % 3 == 0 {
                // Not a nanosecond earlier, and then at once.
                prop_assert!(bucket.ready(ready - Duration::from_nanos(1)) >= ready);
                now = ready;
            }
            if bucket.ready(now) <= now {
                bucket.take();
                given += 1;
            }
            let burst = u128::from(bucket.burst());
            prop_assert!(given * 60_000_000_000 <= u128::from(rate) * now.as_nanos() + burst * 60_000_000_000);
        }
    }
}
