//! Simulated providers, asked by the driver: each shipped card is turned both ways, so that card,
//! driver and simulator prove each other.

#[path = "rehearsal/lookups.rs"]
mod lookups;
#[path = "rehearsal/stage.rs"]
mod stage;

use futures_util::future::join_all;
use kinora::media::clip;
use kinora::models::{AUTO_DURATION, ModelCard, PriceFacts, Route};
use kinora::providers::{Fetched, Polled, Provider, Retry, Submission};
use kinora::rehearsal::{FaultKind, Faults, Profile};
use rust_decimal::Decimal;
use stage::{Stage, cards, request};

/// What one job came to.
async fn made(stage: &Stage, job: usize, model: &str, route: Route) -> Result<(), String> {
    let request = request(&stage.card, stage.model(model), route);
    let said = |what: &str| format!("{model} by {route}: {what}");
    let (id, _) = match stage.submit(&request, job).await {
        Submission::Accepted { id, most } => (id, most),
        other => return Err(said(&format!("{other:?}"))),
    };
    let cost = match ended(stage, &id, &request).await {
        Polled::Ready { cost, .. } => cost,
        other => return Err(said(&format!("{other:?}"))),
    };
    let bill = stage.simulator.bill();
    let charge = bill.charges.iter().find(|charge| charge.id == id.id);
    let Some(charge) = charge else { return Err(said("it is not on the bill")) };
    if charge.model != model {
        return Err(said(&format!("it was taken for {}", charge.model)));
    }
    // Where nobody knows the price there is nothing to compare.
    if let (Some(cost), Some(_)) = (&cost, charge.amount)
        && Some(cost.value) != charge.amount
    {
        return Err(said(&format!("{cost} was read back, {:?} charged", charge.amount)));
    }
    let file = stage.folder.path().join(format!("{job}.mp4"));
    match stage.driver.fetch(&id, &request, &file).await {
        Fetched::Complete => {}
        other => return Err(said(&format!("{other:?}"))),
    }
    let facts = clip::inspect(&file).map_err(|problem| said(&problem.to_string()))?;
    let asked = (request.settings.duration * Decimal::from(1000)).to_string().parse::<f64>();
    let asked = asked.map_err(|e| e.to_string())?;
    if (facts.duration_ms as f64 - asked).abs() > 100.0 {
        return Err(said(&format!("asked {asked} ms, got {}", facts.duration_ms)));
    }
    let wide = request.settings.width > request.settings.height;
    if wide != (facts.width > facts.height) {
        return Err(said(&format!("{}x{} is the wrong way round", facts.width, facts.height)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_every_shipped_model_is_made() {
    let (rack, shelf) = cards();
    let mut problems = Vec::new();
    for card in rack.iter() {
        let jobs = shelf
            .iter()
            .filter(|model| model.provider == card.provider)
            .flat_map(|model| model.routes.keys().map(|route| (model.model.clone(), *route)));
        let jobs: Vec<_> = jobs.enumerate().collect();
        if jobs.is_empty() {
            // Its models are the user's own: workflows, for instance.
            continue;
        }
        let stage = Stage::of(&card.provider, Faults::default()).await;
        let all = jobs.iter().map(|(job, (model, route))| made(&stage, *job, model, *route));
        problems.extend(join_all(all).await.into_iter().filter_map(Result::err));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A route of the first model of a provider, the one with pictures if there is one.
fn example(stage: &Stage) -> kinora::plan::Request {
    let (_, shelf) = cards();
    let model = shelf.iter().find(|model| model.provider == stage.card.provider);
    let model = stage.model(&model.expect("a model").model);
    request(&stage.card, model, *model.routes.keys().next().expect("a route"))
}

/// Polls to the end.
async fn ended(
    stage: &Stage,
    id: &kinora::providers::RemoteId,
    request: &kinora::plan::Request,
) -> Polled {
    let began = std::time::Instant::now();
    loop {
        match stage.driver.poll(id, request).await {
            Polled::Running { unknown_word: None, .. } | Polled::NoAnswer { .. }
                if began.elapsed().as_secs() < 60 =>
            {
                stage::pause().await;
            }
            other => return other,
        }
    }
}

async fn accepted(
    stage: &Stage,
    request: &kinora::plan::Request,
    job: usize,
) -> kinora::providers::RemoteId {
    match stage.submit(request, job).await {
        Submission::Accepted { id, .. } => id,
        other => panic!("{}: {other:?}", stage.card.provider),
    }
}

/// Providers whose cards have models.
fn providers() -> Vec<String> {
    let (rack, shelf) = cards();
    let has_model = |name: &str| shelf.iter().any(|model| model.provider == name);
    rack.iter().map(|card| card.provider.clone()).filter(|name| has_model(name)).collect()
}

fn only(kind: FaultKind) -> Faults {
    Faults::default().with(kind, 1.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_limits_refuses_without_charge_and_says_when_to_come_back() {
    for provider in providers() {
        let stage = Stage::of(&provider, only(FaultKind::RateLimited)).await;
        let submission = stage.submit(&example(&stage), 0).await;
        let Submission::Refused(refusal) = submission else {
            panic!("{provider}: {submission:?}");
        };
        assert_eq!(refusal.cause, "rate_limited", "{provider}");
        assert!(matches!(refusal.retry, Retry::After(Some(_))), "{provider}: {refusal:?}");
        assert_eq!(stage.simulator.bill().charges, [], "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_server_is_never_taken_for_acceptance_or_charged() {
    for provider in providers() {
        let stage = Stage::of(&provider, only(FaultKind::ServerError)).await;
        match stage.submit(&example(&stage), 0).await {
            Submission::Unknown { .. } => {}
            Submission::Refused(refusal) if matches!(refusal.retry, Retry::After(_)) => {}
            other => panic!("{provider}: {other:?}"),
        }
        assert_eq!(stage.simulator.bill().charges, [], "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_charged_and_unknown() {
    for provider in providers() {
        let stage = Stage::of(&provider, only(FaultKind::LostReply)).await;
        let submission = stage.submit(&example(&stage), 0).await;
        assert!(matches!(submission, Submission::Unknown { .. }), "{provider}: {submission:?}");
        let bill = stage.simulator.bill();
        assert_eq!(bill.charges.len(), 1, "{provider}");
        assert!(bill.charges[0].reply_lost, "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moderation_ends_a_job_by_policy_and_both_sides_agree_on_its_charge() {
    for provider in providers() {
        let stage = Stage::of(&provider, only(FaultKind::Moderation)).await;
        let request = example(&stage);
        let (cause, charged) = match stage.submit(&request, 0).await {
            Submission::Accepted { id, .. } => match ended(&stage, &id, &request).await {
                Polled::Failed(failure) => (failure.cause, Some(failure.charged)),
                other => panic!("{provider}: {other:?}"),
            },
            Submission::Refused(refusal) => (refusal.cause, None),
            other => panic!("{provider}: {other:?}"),
        };
        if stage.card.rehearsal.policy_code.is_some() && !stage.card.local {
            assert_eq!(cause, "policy", "{provider}");
        }
        let bill = stage.simulator.bill();
        let billed = bill.charges.first().map(|charge| !charge.refunded);
        assert_eq!(billed, charged, "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_has_expired_is_fresh_after_a_new_poll() {
    let stage = Stage::of("runway", only(FaultKind::ExpiredUrl)).await;
    let request = example(&stage);
    let id = accepted(&stage, &request, 0).await;
    assert!(matches!(ended(&stage, &id, &request).await, Polled::Ready { .. }));
    let file = stage.folder.path().join("clip.mp4");
    assert_eq!(stage.driver.fetch(&id, &request, &file).await, Fetched::Complete);
    clip::inspect(&file).expect("a whole clip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_expires_only_where_a_poll_gives_another() {
    for provider in ["kling", "fal"] {
        let stage = Stage::of(provider, only(FaultKind::ExpiredUrl)).await;
        let request = example(&stage);
        let id = accepted(&stage, &request, 0).await;
        assert!(matches!(ended(&stage, &id, &request).await, Polled::Ready { .. }));
        let file = stage.folder.path().join("clip.mp4");
        assert_eq!(stage.driver.fetch(&id, &request, &file).await, Fetched::Complete, "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_cut_goes_on_where_it_broke_off() {
    let stage = Stage::of("runway", only(FaultKind::CutDownload)).await;
    let request = example(&stage);
    let id = accepted(&stage, &request, 0).await;
    assert!(matches!(ended(&stage, &id, &request).await, Polled::Ready { .. }));
    let file = stage.folder.path().join("clip.mp4");
    assert_eq!(stage.driver.fetch(&id, &request, &file).await, Fetched::Complete);
    clip::inspect(&file).expect("a whole clip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_in_the_card_s_form() {
    let stage = Stage::of("runway", Faults::default()).await;
    let ask = |key: Option<&'static str>| {
        let request =
            reqwest::Client::new().post(format!("{}/v1/text_to_video", stage.simulator.url()));
        let body = r#"{"model":"gen4.5","promptText":"a mug","ratio":"1280:720","duration":2}"#;
        let request = request.header("content-type", "application/json").body(body);
        let request = match key {
            Some(key) => request.header("authorization", key),
            None => request,
        };
        async { request.send().await.expect("it answers").status().as_u16() }
    };
    assert_eq!(ask(None).await, 401);
    assert_eq!(ask(Some("Bearer ")).await, 401);
    assert_eq!(ask(Some("Key k")).await, 401);
    assert_eq!(ask(Some("Bearer k")).await, 200);
    assert_eq!(stage.simulator.bill().charges.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_goes_wrong_ends_no_job() {
    for provider in ["runway", "kling-3", "google", "fal"] {
        for kind in [FaultKind::PollError, FaultKind::PollPage, FaultKind::PollCut] {
            let stage = Stage::of(provider, only(kind)).await;
            let request = example(&stage);
            let id = accepted(&stage, &request, 0).await;
            let first = stage.driver.poll(&id, &request).await;
            assert!(matches!(first, Polled::NoAnswer { .. }), "{provider} {kind:?}: {first:?}");
            let last = ended(&stage, &id, &request).await;
            assert!(matches!(last, Polled::Ready { .. }), "{provider} {kind:?}: {last:?}");
        }
        let stage = Stage::of(provider, only(FaultKind::PollSlow)).await;
        let request = example(&stage);
        let id = accepted(&stage, &request, 0).await;
        let began = std::time::Instant::now();
        let late = stage.driver.poll(&id, &request).await;
        assert!(began.elapsed().as_millis() >= 1000, "{provider}: {late:?}");
        assert!(!matches!(late, Polled::NoAnswer { .. } | Polled::Failed(_)), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_and_is_given_back_unless_the_card_says_otherwise() {
    for provider in providers() {
        let stage = Stage::slow(&provider).await;
        let Some(cancel) = &stage.card.cancel else { continue };
        let request = example(&stage);
        let id = accepted(&stage, &request, 0).await;
        stage.driver.cancel(&id, &request).await;
        let charge = stage.simulator.bill().charges.remove(0);
        assert_eq!(charge.state, "cancelled", "{provider}");
        assert!(charge.refunded, "{provider}: it was still queued ({:?})", cancel.stops);
        let polled = ended(&stage, &id, &request).await;
        if stage.card.rehearsal.cancelled.is_some() {
            assert!(matches!(polled, Polled::Failed(_)), "{provider}: {polled:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_attempt_key_is_charged_once_where_the_provider_knows_it() {
    for provider in providers() {
        let stage = Stage::of(&provider, Faults::default()).await;
        let request = example(&stage);
        let first = accepted(&stage, &request, 0).await;
        let again = accepted(&stage, &request, 0).await;
        let once = stage.card.idempotency.is_some();
        assert_eq!(first.id == again.id, once, "{provider}");
        assert_eq!(stage.simulator.bill().charges.len(), if once { 1 } else { 2 }, "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_faults() {
    let outcomes = |seed| async move {
        let stage = Stage::seeded("runway", Faults::of(Profile::Many), seed).await;
        let request = example(&stage);
        let mut words = Vec::new();
        for job in 0..12 {
            words.push(match stage.submit(&request, job).await {
                Submission::Accepted { id, .. } => match ended(&stage, &id, &request).await {
                    Polled::Failed(failure) => failure.cause,
                    _ => "ready".to_owned(),
                },
                Submission::Refused(refusal) => refusal.cause,
                Submission::Unknown { .. } => "unknown".to_owned(),
            });
        }
        words
    };
    let (first, again, other) = (outcomes(5).await, outcomes(5).await, outcomes(6).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

/// What is switched on, and a length that is left to the model, are read back from the request: a
/// simulated provider charges by its card's price, as a plan reckons.
#[tokio::test(flavor = "multi_thread")]
async fn every_option_is_charged_as_the_card_s_price_says() {
    let (rack, shelf) = cards();
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for card in rack.iter() {
        let mut offering = shelf
            .iter()
            .filter(|m| m.provider == card.provider && !m.options.is_empty())
            .peekable();
        if offering.peek().is_none() {
            continue;
        }
        let stage = Stage::of(&card.provider, Faults::default()).await;
        for model in offering {
            for (at, (name, option)) in model.options.iter().enumerate() {
                let offered = |r: &&Route| option.routes.is_empty() || option.routes.contains(*r);
                let route = *model.routes.keys().find(offered).expect("a route");
                let mut request = request(&stage.card, stage.model(&model.model), route);
                let settings = &mut request.settings;
                settings.options = vec![name.clone()];
                if name == AUTO_DURATION {
                    settings.duration = model.durations.longest().expect("a length");
                }
                let id = accepted(&stage, &request, looked_at + at).await;
                let bill = stage.simulator.bill();
                let charged = bill.charges.iter().find(|c| c.id == id.id).expect("it is billed");
                let priced = price_of(model, &request);
                if charged.model != model.model || charged.amount != priced {
                    let (model, other) = (&model.model, &charged.model);
                    let amount = charged.amount;
                    wrong.push(format!("{model} {name}: {priced:?}; {other} charged {amount:?}"));
                }
            }
            looked_at += model.options.len();
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(looked_at > 25, "{looked_at}");
}

/// What a plan would reckon for a request, in the card's own unit.
fn price_of(model: &ModelCard, request: &kinora::plan::Request) -> Option<Decimal> {
    let settings = &request.settings;
    let size = (settings.width, settings.height);
    let (width, height) = model.billed_size(request.route, &settings.resolution, size);
    let facts = PriceFacts {
        route: request.route,
        seconds: settings.duration,
        resolution: &settings.resolution,
        width,
        height,
        fps: settings.fps,
        images: request.references.len(),
        options: &settings.options,
        input_seconds: Decimal::ZERO,
    };
    model.price.as_ref()?.of(&facts).known().map(|amount| amount.value)
}
