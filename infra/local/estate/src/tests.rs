//! The parts together: the API and the control API over a world without servers, then everything with real ones.

mod api;
mod caches;
mod clusters;
mod control;
mod whole;

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::{Request, Response};
use lifeboat_testing::model::{Done, Model, Settings};

use crate::api::Api;
use crate::control::Control;
use crate::http::NoAnswer;
use crate::world::World;

const CREATE: &str = "Action=CreateDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders&Engine=postgres\
    &DBInstanceClass=db.t4g.micro&AllocatedStorage=20&MasterUsername=lifeboat&MasterUserPassword=correct-horse&DBName=app";

/// A world whose things take no time.
fn world() -> Arc<World> {
    let instant = serde_json::to_value(Settings::short().durations).unwrap();
    let zero = instant.as_object().unwrap().keys().map(|key| (key.clone(), 0.0.into())).collect();
    let durations = serde_json::from_value(serde_json::Value::Object(zero)).unwrap();
    Arc::new(World::new(Model::new(Settings::short().with(|settings| settings.durations = durations))))
}

/// Carries every effect out by saying that it is done.
fn pretend(world: &World) {
    for _ in 0..10 {
        let effects = world.with(|model, now| {
            model.tick(now);
            model.take_effects()
        });
        for (id, effect) in effects {
            let done = match effect.name() {
                "provision" => Done::Listening(Some(("127.0.0.1".to_owned(), 4711))),
                "make_volume" => Done::Endpoints { writer: "127.0.0.8".to_owned(), reader: "127.0.0.9".to_owned(), port: 4711 },
                "lead_cache" => {
                    let (primary, reader) = ("127.0.0.8".to_owned(), "127.0.0.9".to_owned());
                    Done::Reached { primary, reader, nodes: std::collections::BTreeMap::new(), port: 4711 }
                }
                "take_image" => Done::Image(crate::world::now()),
                "ship_log" => continue,
                _ => Done::Ok,
            };
            world.with(|model, now| model.effect_done(now, id, Ok(done)));
        }
    }
}

async fn call(world: &Arc<World>, form: &str) -> Result<Response<Bytes>, NoAnswer> {
    let api = Api { world: Arc::clone(world), upstream: None };
    api.answer(Request::post("/").body(Bytes::from(form.to_owned())).unwrap()).await
}

async fn text(world: &Arc<World>, form: &str) -> (u16, String) {
    let response = call(world, form).await.unwrap();
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

async fn control(world: &Arc<World>, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let request = Request::builder().method(method).uri(path).body(Bytes::from(body.to_owned())).unwrap();
    let response = Control { world: Arc::clone(world) }.answer(request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}
