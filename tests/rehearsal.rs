//! Simulated providers, asked by the driver: each shipped card is turned both ways, so that card,
//! driver and simulator prove each other.

#[path = "rehearsal/stage.rs"]
mod stage;

use futures_util::future::join_all;
use kinora::media::clip;
use kinora::models::Route;
use kinora::providers::{Fetched, Polled, Provider, Submission};
use kinora::rehearsal::Faults;
use rust_decimal::Decimal;
use stage::{Stage, cards, request};

/// What one job came to.
async fn made(stage: &Stage, job: usize, model: &str, route: Route) -> Result<(), String> {
    let request = request(&stage.card, stage.model(model), route);
    let said = |what: &str| format!("{model} by {route}: {what}");
    let (id, _) = match stage.driver.submit(&request, &stage::key(job)).await {
        Submission::Accepted { id, most } => (id, most),
        other => return Err(said(&format!("{other:?}"))),
    };
    let cost = loop {
        match stage.driver.poll(&id, &request).await {
            Polled::Running { unknown_word: None, .. } => stage::pause().await,
            Polled::Ready { cost, .. } => break cost,
            other => return Err(said(&format!("{other:?}"))),
        }
    };
    let bill = stage.simulator.bill();
    let charge = bill.charges.iter().find(|charge| charge.id == id.id);
    let Some(charge) = charge else { return Err(said("it is not on the bill")) };
    if charge.model != model {
        return Err(said(&format!("it was taken for {}", charge.model)));
    }
    if let Some(cost) = cost
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
