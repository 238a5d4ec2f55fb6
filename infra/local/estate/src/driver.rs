//! Lets time pass: ticks the model, carries its effects out on real servers, publishes its events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound;
use hyper::Request;
use hyper::body::Bytes;
use lifeboat_testing::model::{Done, Effect, EffectId, EffectOutcome, Event, Origin};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::engine::{Clusters, Engine, EngineError, Source, Volume};
use crate::http;
use crate::world::World;

/// How often time passes in the model, unless something wakes it.
const TICK: Duration = Duration::from_millis(25);
/// How often publishing is tried before an event is lost; on AWS, too, delivery is best effort.
const TRIES: u32 = 20;

/// Runs for ever.
pub async fn run(world: Arc<World>, engine: Arc<Engine>, events: Option<String>) {
    let publisher = events.map(|to| {
        let (sender, receiver) = unbounded_channel();
        tokio::spawn(publish(to, receiver));
        sender
    });
    let mut crew = Crew { world: Arc::clone(&world), engine, workers: HashMap::new() };
    loop {
        let (effects, published) = world.quietly(|model, now| {
            model.tick(now);
            (model.take_effects(), model.take_events())
        });
        for (id, effect) in effects {
            crew.hand_out(id, effect).await;
        }
        world.remember(&published);
        for event in published {
            tracing::info!(id = event.detail.event_id, of = event.detail.source_identifier, message = event.detail.message, "event");
            if let Some(publisher) = &publisher {
                let _ = publisher.send(event);
            }
        }
        let _ = tokio::time::timeout(TICK, world.changed.notified()).await;
    }
}

/// One worker for each server: its effects happen in order, those of different servers at the same time.
struct Crew {
    world: Arc<World>,
    engine: Arc<Engine>,
    /// By server and lane: the port does not wait for what the server is busy with.
    workers: HashMap<(String, bool), UnboundedSender<(EffectId, Effect)>>,
}

impl Crew {
    async fn hand_out(&mut self, id: EffectId, effect: Effect) {
        // Accidents overtake what is under way, and are over before anything later begins: a kill must not hit the restart after it.
        if effect.is_accident() {
            return carry_out_and_report(&self.world, &self.engine, id, effect).await;
        }
        // A copy of a server that hangs must not hold up its rescue.
        if matches!(effect, Effect::ShipLog { .. } | Effect::TakeImage { .. }) {
            let (world, engine) = (Arc::clone(&self.world), Arc::clone(&self.engine));
            tokio::spawn(async move { carry_out_and_report(&world, &engine, id, effect).await });
            return;
        }
        let server = effect.server().to_owned();
        let last = matches!(effect, Effect::Delete { .. });
        let port = matches!(effect, Effect::SetPort { .. });
        let worker = self.workers.entry((server.clone(), port)).or_insert_with(|| {
            let (sender, mut receiver) = unbounded_channel::<(EffectId, Effect)>();
            let (world, engine) = (Arc::clone(&self.world), Arc::clone(&self.engine));
            tokio::spawn(async move {
                while let Some((id, effect)) = receiver.recv().await {
                    carry_out_and_report(&world, &engine, id, effect).await;
                }
            });
            sender
        });
        let _ = worker.send((id, effect));
        if last {
            self.workers.retain(|(name, _), _| *name != server);
        }
    }
}

async fn carry_out_and_report(world: &World, engine: &Engine, id: EffectId, effect: Effect) {
    let (name, server) = (effect.name(), effect.server().to_owned());
    tracing::debug!(name, server, "effect");
    let outcome: EffectOutcome = carry_out(engine, effect).await.map_err(|error| error.to_string());
    if let Err(error) = &outcome {
        tracing::warn!(name, server, error, "an effect failed");
    }
    world.with(|model, now| model.effect_done(now, id, outcome));
}

async fn carry_out(engine: &Engine, effect: Effect) -> Result<Done, EngineError> {
    let server = effect.server().to_owned();
    let server = server.as_str();
    if let Some(volume) = engine.clusters.find(server).await {
        return carry_out_on(&engine.clusters, &volume, effect).await;
    }
    match effect {
        Effect::MakeVolume { from, .. } => {
            let (writer, reader) = engine.clusters.make_volume(server, source(from)?).await?;
            let port = writer.port();
            return Ok(Done::Endpoints { writer: writer.ip().to_string(), reader: reader.ip().to_string(), port });
        }
        Effect::SetRole { .. } => return Err(EngineError::Missing(format!("member {server} of a DB cluster"))),
        Effect::Provision { from: Origin::Volume { of, writes }, door, .. } => {
            let address = engine.clusters.add_member(&of, server, writes, door).await?;
            return Ok(Done::Listening(Some((address.ip().to_string(), address.port()))));
        }
        Effect::Provision { from, door, .. } => {
            let address = engine.provision(server, source(from)?).await?;
            // Nobody knows its address yet.
            engine.set_door(server, door).await;
            return Ok(Done::Listening(Some((address.ip().to_string(), address.port()))));
        }
        Effect::TakeImage { image, .. } => {
            return engine.take_image(server, &image).await.map(|time| Done::Image(time.trunc_subsecs(3)));
        }
        Effect::ShipLog { .. } => {
            return Ok(Done::Shipped(engine.ship_log(server).await.map(|time| time.trunc_subsecs(3))));
        }
        Effect::AddStandby { .. } => match engine.add_standby(server).await {
            // It was kept when the instance became Single-AZ.
            Ok(()) | Err(EngineError::HasStandby(_)) => {}
            Err(error) => return Err(error),
        },
        // A standby that is not asked for does no harm.
        Effect::RemoveStandby { .. } => {}
        Effect::PromoteStandby { .. } => engine.promote_standby(server).await?,
        Effect::PromoteReplica { .. } => engine.promote_replica(server).await?,
        Effect::StopStreaming { .. } => engine.stop_streaming(server).await?,
        Effect::SetPassword { user, password, .. } => engine.set_password(server, &user, password.expose()).await?,
        Effect::Restart { .. } | Effect::Start { .. } => engine.restart(server).await?,
        Effect::Stop { .. } => {
            engine.ship_log(server).await;
            engine.kill(server).await;
        }
        Effect::SetPort { door, .. } => engine.set_door(server, door).await,
        Effect::Kill { .. } => engine.kill(server).await,
        Effect::Hang { .. } => engine.hang(server).await,
        Effect::Resume { .. } => engine.resume(server).await,
        Effect::Delete { .. } => engine.delete(server).await,
    }
    Ok(Done::Ok)
}

/// What is done to the volume of a DB cluster, or to one of its members.
async fn carry_out_on(clusters: &Clusters, volume: &Volume, effect: Effect) -> Result<Done, EngineError> {
    let server = effect.server().to_owned();
    let server = server.as_str();
    match effect {
        Effect::MakeVolume { .. } | Effect::Provision { .. } => return Err(EngineError::Taken(server.to_owned())),
        Effect::TakeImage { image, .. } => {
            return volume.take_image(&image).await.map(|time| Done::Image(time.trunc_subsecs(3)));
        }
        Effect::ShipLog { .. } => return Ok(Done::Shipped(volume.ship_log().await.map(|time| time.trunc_subsecs(3)))),
        Effect::SetRole { writes, .. } => volume.set_role(server, writes).await?,
        Effect::SetPassword { user, password, .. } => volume.set_password(&user, password.expose()).await?,
        Effect::Restart { .. } | Effect::Start { .. } => volume.restart(server).await?,
        Effect::SetPort { door, .. } => volume.set_door(server, door).await,
        Effect::Kill { .. } | Effect::Stop { .. } => volume.kill(server).await,
        Effect::Hang { .. } => volume.hang(server).await,
        Effect::Resume { .. } => volume.resume(server).await,
        Effect::Delete { .. } => clusters.delete(server).await,
        // What an instance alone can have.
        Effect::AddStandby { .. }
        | Effect::RemoveStandby { .. }
        | Effect::PromoteStandby { .. }
        | Effect::PromoteReplica { .. }
        | Effect::StopStreaming { .. } => return Err(EngineError::Missing(format!("standby or replica of {server}"))),
    }
    Ok(Done::Ok)
}

fn source(from: Origin) -> Result<Source, EngineError> {
    Ok(match from {
        Origin::Empty { engine, master_user, password, db_name } => {
            Source::Empty { engine, master_user, password: password.expose().to_owned(), db_name: db_name.unwrap_or_default() }
        }
        Origin::Image(image) => Source::Image(image),
        Origin::Replica { of } => Source::Replica { of },
        Origin::PointInTime { server, to } => Source::PointInTime { server, to: Some(to) },
        Origin::Volume { of, .. } => return Err(EngineError::Missing(format!("data in {of} that are not its own"))),
    })
}

/// Publishes in order. Whoever does not take an event after many tries does not get it.
async fn publish(to: String, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        let mut tries = 0;
        loop {
            let why = match http::send(&to, put_events(&to, &event)).await {
                Ok(response) if response.status().is_success() => match failed_entries(response.body()) {
                    None => break,
                    Some(why) => why,
                },
                Ok(response) => format!("{}: {}", response.status(), String::from_utf8_lossy(response.body())),
                Err(error) => error.to_string(),
            };
            tries += 1;
            if tries == TRIES {
                tracing::warn!(why, event = event.detail.event_id, "an event is lost");
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// What `PutEvents` says of an entry that it did not take.
fn failed_entries(body: &[u8]) -> Option<String> {
    let reply: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let failed = reply.get("FailedEntryCount").and_then(serde_json::Value::as_u64).unwrap_or(0);
    (failed > 0).then(|| reply.to_string())
}

fn put_events(to: &str, event: &Event) -> Request<Bytes> {
    let entry = json!({
        "Source": event.source,
        "DetailType": event.detail_type,
        "Detail": serde_json::to_string(&event.detail).unwrap_or_default(),
        "Resources": event.resources,
        "Time": event.time.timestamp(),
    });
    let host = to.strip_prefix("http://").unwrap_or(to).trim_end_matches('/');
    let credential = format!("test/20260101/{}/events/aws4_request", event.region);
    let request = Request::post("/")
        .header("host", host)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSEvents.PutEvents")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"))
        .body(Bytes::from(json!({ "Entries": [entry] }).to_string()));
    request.unwrap_or_default()
}
