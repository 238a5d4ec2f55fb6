//! Lets time pass: ticks the model, carries its effects out on real servers, publishes its events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound;
use lifeboat_testing::model::{Done, Effect, EffectId, EffectOutcome, Origin, is_cache_server};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::engine::{Caches, Clusters, Engine, EngineError, Lead, Source, Volume};
use crate::publish::{Published, publish};
use crate::world::World;

/// How often time passes in the model, unless something wakes it.
const TICK: Duration = Duration::from_millis(25);

/// Runs for ever.
pub async fn run(world: Arc<World>, engine: Arc<Engine>, events: Option<String>) {
    let publisher = events.map(|to| {
        let (sender, receiver) = unbounded_channel();
        tokio::spawn(publish(to, receiver));
        sender
    });
    let mut crew = Crew { world: Arc::clone(&world), engine, workers: HashMap::new() };
    loop {
        let (effects, published, notices) = world.quietly(|model, now| {
            model.tick(now);
            (model.take_effects(), model.take_events(), model.take_notices())
        });
        for (id, effect) in effects {
            crew.hand_out(id, effect).await;
        }
        world.remember(&published);
        world.remember_notices(&notices);
        for event in published {
            tracing::info!(id = event.detail.event_id, of = event.detail.source_identifier, message = event.detail.message, "event");
            if let Some(publisher) = &publisher {
                let _ = publisher.send(Published::Event(Box::new(event)));
            }
        }
        for notice in notices {
            tracing::info!(topic = notice.topic, message = notice.message, "notice");
            if let Some(publisher) = &publisher {
                let _ = publisher.send(Published::Notice(notice));
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
        // It only says where addresses lead, and what nodes that are provisioned from now on are told of one another.
        if matches!(effect, Effect::LeadCache { .. }) {
            return carry_out_and_report(&self.world, &self.engine, id, effect).await;
        }
        // A copy of a server that hangs must not hold up its rescue.
        if matches!(effect, Effect::ShipLog { .. } | Effect::TakeImage { .. }) {
            let (world, engine) = (Arc::clone(&self.world), Arc::clone(&self.engine));
            tokio::spawn(async move { carry_out_and_report(&world, &engine, id, effect).await });
            return;
        }
        let server = effect.server().to_owned();
        // A node of a cache is replaced under its name, and not before it is gone.
        let last = matches!(effect, Effect::Delete { .. }) && !is_cache_server(&server);
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
    if is_cache_server(server) {
        return carry_out_on_cache(&engine.caches, effect).await;
    }
    if let Some(volume) = engine.clusters.find(server).await {
        return carry_out_on(&engine.clusters, &volume, effect).await;
    }
    match effect {
        Effect::MakeVolume { from, .. } => {
            let (writer, reader) = match from {
                Origin::Clone { of } => engine.clusters.clone_volume(server, &of).await?,
                from => engine.clusters.make_volume(server, source(from)?).await?,
            };
            let port = writer.port();
            return Ok(Done::Endpoints { writer: writer.ip().to_string(), reader: reader.ip().to_string(), port });
        }
        Effect::SetRole { .. } => return Err(EngineError::Missing(format!("member {server} of a DB cluster"))),
        Effect::LeadCache { .. } => return Err(EngineError::Missing(format!("replication group {server}"))),
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
        // What an instance alone can have, or a cache.
        Effect::LeadCache { .. }
        | Effect::AddStandby { .. }
        | Effect::RemoveStandby { .. }
        | Effect::PromoteStandby { .. }
        | Effect::PromoteReplica { .. }
        | Effect::StopStreaming { .. } => return Err(EngineError::Missing(format!("standby or replica of {server}"))),
    }
    Ok(Done::Ok)
}

/// What is done to a replication group, or to one of its nodes.
async fn carry_out_on_cache(caches: &Caches, effect: Effect) -> Result<Done, EngineError> {
    let server = effect.server().to_owned();
    let server = server.as_str();
    match effect {
        Effect::LeadCache { primary, members, shards, tls, door, .. } => {
            let reached = caches.lead(server, Lead { primary, members, shards, tls, door }).await?;
            return Ok(Done::Reached {
                primary: reached.primary.ip().to_string(),
                reader: reached.reader.ip().to_string(),
                nodes: reached.nodes.into_iter().map(|(name, address)| (name, address.ip().to_string())).collect(),
                port: reached.primary.port(),
            });
        }
        Effect::Provision { from, door, .. } => {
            let address = caches.provision(server, source(from)?, door).await?;
            return Ok(Done::Listening(Some((address.ip().to_string(), address.port()))));
        }
        Effect::TakeImage { image, .. } => {
            return caches.take_image(server, &image).await.map(|time| Done::Image(time.trunc_subsecs(3)));
        }
        Effect::SetPassword { password, .. } => caches.set_token(server, password.expose()).await?,
        Effect::PromoteReplica { .. } => caches.promote(server).await?,
        Effect::SetPort { door, .. } => caches.set_door(server, door).await,
        Effect::Kill { .. } => caches.kill(server).await,
        Effect::Hang { .. } => caches.hang(server).await,
        Effect::Resume { .. } => caches.resume(server).await,
        Effect::Delete { .. } => caches.delete(server).await,
        other => return Err(EngineError::Missing(format!("{} of {server}: a cache has no such thing", other.name()))),
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
        Origin::Volume { of, .. } | Origin::Clone { of } => return Err(EngineError::Missing(format!("data in {of} that are not its own"))),
    })
}
