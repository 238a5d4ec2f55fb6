//! With real PostgreSQL servers and the driver.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::driver;
use crate::engine::Engine;

pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Estate {
    pub(super) world: Arc<World>,
    engine: Arc<Engine>,
    heard: Arc<Mutex<Vec<Value>>>,
    dir: std::path::PathBuf,
}

/// Whether a server answers a newcomer's first question (PostgreSQL's request for TLS).
pub(super) async fn answers(host: &str, port: u64) -> bool {
    let question = async {
        let mut stream = TcpStream::connect((host, u16::try_from(port).unwrap())).await?;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
        stream.read_u8().await
    };
    matches!(tokio::time::timeout(Duration::from_millis(500), question).await, Ok(Ok(b'S')))
}

impl Estate {
    /// Everything but the process: driver, servers, and somebody who listens to events.
    pub(super) async fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("lifeboat-estate-{}-{name}", std::process::id()));
        let engine = Arc::new(Engine::new(dir.clone()).await.unwrap());
        let settings = Settings::short().with(|settings| settings.closed_groups = ["sg-fence".to_owned()].into());
        let world = Arc::new(World::new(Model::new(settings)));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let events = format!("http://{}", listener.local_addr().unwrap());
        let ear = Arc::clone(&heard);
        tokio::spawn(crate::http::serve(listener, move |request: Request<Bytes>| {
            let told = form_urlencoded::parse(request.body()).find(|(name, _)| name == "Message");
            let said = match (request.headers().get("x-amz-target"), told) {
                (Some(target), _) if target == "AWSEvents.PutEvents" => serde_json::from_slice(request.body()).unwrap(),
                (None, Some((_, message))) => Value::from(message),
                other => panic!("neither an event nor a message to a topic: {other:?}"),
            };
            ear.lock().unwrap().push(said);
            async { Ok(crate::http::response(hyper::StatusCode::OK, "application/json", r#"{"FailedEntryCount":0}"#)) }
        }));
        tokio::spawn(driver::run(Arc::clone(&world), Arc::clone(&engine), Some(events)));
        Self { world, engine, heard, dir }
    }

    pub(super) async fn call(&self, form: &str) -> String {
        let (status, xml) = text(&self.world, form).await;
        assert_eq!(status, 200, "{form}: {xml}");
        xml
    }

    async fn instance(&self, name: &str) -> Value {
        let (_, all) = control(&self.world, "GET", "/instances", "").await;
        let found = all.as_array().unwrap().iter().find(|it| it["instance"]["DBInstanceIdentifier"] == name);
        found.cloned().unwrap_or_default()
    }

    async fn until(&self, what: &str, name: &str, holds: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        while !holds(&self.instance(name).await) {
            assert!(begun.elapsed() < PATIENCE, "{name} is not {what}: {}", self.instance(name).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn until_available(&self, name: &str) {
        self.until("available", name, |it| it["true_status"] == "available" && it["server"] == "up").await;
    }

    async fn accident(&self, name: &str, kind: &str) {
        let body = format!(r#"{{"instance":"{name}","kind":"{kind}"}}"#);
        assert_eq!(control(&self.world, "POST", "/accidents", &body).await.0, 200);
    }

    async fn answers(&self, name: &str) -> bool {
        let it = self.instance(name).await;
        let endpoint = &it["instance"]["Endpoint"];
        answers(endpoint["Address"].as_str().unwrap(), endpoint["Port"].as_u64().unwrap()).await
    }

    /// Effects follow a moment after the model's word.
    async fn until_it_answers(&self, name: &str, wanted: bool) {
        let begun = Instant::now();
        while self.answers(name).await != wanted {
            assert!(begun.elapsed() < PATIENCE, "{name} should answer: {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let detail = |entry: &Value| serde_json::from_str::<Value>(entry["Entries"][0]["Detail"].as_str().unwrap()).unwrap();
        heard.iter().filter(|entry| entry.is_object()).map(|entry| detail(entry)["EventID"].as_str().unwrap().to_owned()).collect()
    }

    /// What topics were told.
    pub(super) fn told(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub(super) async fn end(self) {
        self.engine.shut_down().await;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_lives_is_kept_dies_and_is_restored() {
    let estate = Estate::new("life").await;
    estate.call(&format!("{CREATE}&BackupRetentionPeriod=7")).await;
    estate.until_available("orders").await;
    estate.until_it_answers("orders", true).await;
    estate.call("Action=CreateDBSnapshot&DBInstanceIdentifier=orders&DBSnapshotIdentifier=s1").await;
    estate.until("backing up", "orders", |it| it["instance"]["DBInstanceStatus"] == "backing-up").await;
    estate.until_available("orders").await;
    estate.until("restorable", "orders", |it| !it["instance"]["LatestRestorableTime"].is_null()).await;

    estate.accident("orders", "instance_failure").await;
    estate.until_it_answers("orders", false).await;
    estate.call("Action=RestoreDBInstanceFromDBSnapshot&DBInstanceIdentifier=copy&DBSnapshotIdentifier=s1").await;
    let to_latest = "Action=RestoreDBInstanceToPointInTime&SourceDBInstanceIdentifier=orders&UseLatestRestorableTime=true";
    estate.call(&format!("{to_latest}&TargetDBInstanceIdentifier=latest")).await;
    estate.until_available("copy").await;
    estate.until_available("latest").await;
    estate.until_it_answers("copy", true).await;
    estate.until_it_answers("latest", true).await;
    let heard = estate.heard();
    for event in ["RDS-EVENT-0005", "RDS-EVENT-0042", "RDS-EVENT-0031", "RDS-EVENT-0043", "RDS-EVENT-0019"] {
        assert!(heard.iter().any(|it| it == event), "{event} is missing in {heard:?}");
    }
    estate.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_a_fence_closes_and_a_reboot_revives() {
    let estate = Estate::new("heal").await;
    estate.call(&format!("{CREATE}&MultiAZ=true")).await;
    estate.until_available("orders").await;

    estate.accident("orders", "az_outage").await;
    estate.until_it_answers("orders", false).await;
    estate.until_available("orders").await;
    estate.until_it_answers("orders", true).await;

    estate.accident("orders", "hung").await;
    estate.until_it_answers("orders", false).await;
    estate.call("Action=RebootDBInstance&DBInstanceIdentifier=orders").await;
    estate.until("rebooting", "orders", |it| it["true_status"] == "rebooting").await;
    estate.until_available("orders").await;
    estate.until_it_answers("orders", true).await;

    let fence = "Action=ModifyDBInstance&DBInstanceIdentifier=orders&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-fence";
    estate.call(fence).await;
    estate.until("closed", "orders", |it| it["port_open"] == false).await;
    estate.until_it_answers("orders", false).await;
    estate.end().await;
}
