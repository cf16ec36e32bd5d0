//! The real program, killed at random moments against simulated providers that go on: nothing is
//! paid twice, nothing that was paid is lost, and the books agree to the last credit.
//!
//! Here a dozen kills; `campaign.sh` makes hundreds of the same.

mod bill;
mod books;
mod lives;
mod players;
mod shop;

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kinora::rehearsal::BillLine;

use players::{CAST, Player};

/// What a campaign is asked for, by the environment.
struct Asked {
    kills: u32,
    jobs: usize,
    seed: u64,
    /// How many times as fast as usual the providers are.
    speed: &'static str,
    /// Jobs at once at each provider.
    in_flight: usize,
}

impl Asked {
    fn of(environment: impl Fn(&str) -> Option<String>) -> Asked {
        let number = |name: &str, usual: u64| {
            environment(name).map_or(usual, |text| {
                text.parse().unwrap_or_else(|_| panic!("{name}={text} is no whole number"))
            })
        };
        let jobs = number("KINORA_KILL_JOBS", 60) as usize;
        Asked {
            kills: number("KINORA_KILLS", 12) as u32,
            // As many for each provider.
            jobs: jobs.div_ceil(CAST.len()) * CAST.len(),
            seed: number("KINORA_KILL_SEED", 1),
            speed: if jobs > 200 { "2" } else { "10" },
            in_flight: if jobs > 200 { 3 } else { 4 },
        }
    }
}

/// Waits until the providers have nothing under way, so that their bills are final.
fn settle(players: &[Player]) {
    let until = Instant::now() + Duration::from_secs(120);
    for player in players {
        loop {
            let bill = player.bill();
            let count = |f: fn(&BillLine) -> bool| bill.iter().filter(|line| f(line)).count();
            let accepted = count(|line| matches!(line, BillLine::Accepted { .. }));
            let ended = count(|line| matches!(line, BillLine::Ended { .. }));
            if accepted == ended {
                break;
            }
            let provider = player.part.provider;
            assert!(Instant::now() < until, "{provider}: {ended} of {accepted} have ended");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn campaign(folder: &Path, asked: &Asked) -> Vec<String> {
    let began = Instant::now();
    shop::stock(folder, asked.jobs / CAST.len());
    let player = |part| Player::start(folder, part, asked.seed, asked.speed);
    let players: Vec<Player> = CAST.iter().map(player).collect();
    shop::open(folder, &players, asked.in_flight);
    let approved = shop::program(folder, &["approve", ".", "--by", "Ada"]).output();
    let approved = approved.expect("it starts");
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));

    let mut chance = Rng::with_seed(asked.seed);
    let mut counts = lives::kill_often(folder, asked.kills, asked.jobs, &mut chance);
    lives::finish(folder, asked.jobs, asked.jobs > 200, &mut counts);
    settle(&players);

    let accounts = books::check(folder, &players, asked.jobs, &counts.cuts);
    let mut problems = Vec::new();
    let of = |state: &str| accounts.iter().filter_map(|a| a.jobs.get(state)).sum::<u64>();
    println!(
        "seed {}: {} kills ({} in the first 300 ms), {} stops, {} starts ({} of \
         resolve), exit codes {:?}; {} jobs: \
         {} done, {} failed, {} refused, {} unknown; {:.0} s",
        asked.seed,
        counts.kills,
        counts.kills_early,
        counts.stops,
        counts.starts,
        counts.resolves,
        counts.ends,
        asked.jobs,
        of("done"),
        of("failed"),
        of("refused"),
        of("unknown"),
        began.elapsed().as_secs_f64()
    );
    for (player, account) in players.iter().zip(&accounts) {
        println!("  {}", account.text(player.part));
        let provider = player.part.provider;
        problems.extend(account.problems.iter().map(|what| format!("{provider}: {what}")));
        if !account.jobs.contains_key("done") {
            problems.push(format!("{provider}: not one clip was made"));
        }
    }
    problems
}

#[test]
fn nothing_is_paid_twice_or_lost_however_often_the_run_is_killed() {
    let asked = Asked::of(|name| std::env::var(name).ok());
    let mut folder = tempfile::Builder::new().prefix("kinora-kill-").tempdir().expect("a folder");
    // Whatever goes wrong, the folder says more than the message.
    folder.disable_cleanup(true);
    println!(
        "again: tests/kill/campaign.sh {} {} {}; folder: {}",
        asked.kills,
        asked.jobs,
        asked.seed,
        folder.path().display()
    );
    let problems = campaign(folder.path(), &asked);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    println!("verdict: the books agree");
    folder.disable_cleanup(false);
}
