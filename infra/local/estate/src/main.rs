//! Starts the estate; see the library.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_estate::api::Api;
use lifeboat_estate::control::Control;
use lifeboat_estate::engine::Engine;
use lifeboat_estate::options::{Config, Options, USAGE};
use lifeboat_estate::world::{self, World};
use lifeboat_estate::{driver, http};
use lifeboat_testing::model::Model;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ESTATE_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    if std::env::args().any(|argument| argument == "--help") {
        eprint!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("estate: {sentence}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("estate: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let parent = std::os::unix::process::parent_id();
    let config = read_config(options.config.as_deref())?;
    let mut model = Model::new(config.settings);
    config.faults.into_iter().for_each(|fault| model.add_fault(fault));
    let world = Arc::new(World::new(model));

    let api = listen(options.port).await?;
    let control = listen(options.control_port).await?;
    let files = options.root.join("engine");
    let engine = Engine::new(files.clone()).await.map_err(|error| error.to_string())?;
    let engine = Arc::new(engine);

    let ready = json!({ "port": port(&api)?, "control_port": port(&control)?, "ca": engine.ca_pem_path(), "pid": std::process::id() });
    let upstream = options.upstream.as_deref().map(Arc::from);
    let rds = Api { world: Arc::clone(&world), upstream };
    let controller = Control { world: Arc::clone(&world) };
    tokio::spawn(http::serve(api, move |request| rds.clone().answer(request)));
    tokio::spawn(http::serve(control, move |request| controller.clone().answer(request)));
    let driver = tokio::spawn(driver::run(world, Arc::clone(&engine), options.events.clone()));
    write_whole(&options.ready_file, &ready.to_string())?;
    tracing::info!(%ready, "the estate is up");

    let why = until_the_end(parent).await?;
    tracing::info!(why, "the estate goes down");
    driver.abort();
    engine.shut_down().await;
    let _ = std::fs::remove_file(&options.ready_file);
    if !options.keep {
        let _ = std::fs::remove_dir_all(&files);
    }
    Ok(())
}

fn read_config(file: Option<&Path>) -> Result<Config, String> {
    let text = match file {
        None => "{}".to_owned(),
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?,
    };
    let fresh_seed = u64::try_from(world::now().timestamp_millis()).unwrap_or_default();
    Config::read(&text, fresh_seed)
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}"))
}

fn port(listener: &TcpListener) -> Result<u16, String> {
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Whoever waits for the file never sees half of it.
fn write_whole(file: &Path, text: &str) -> Result<(), String> {
    let part = file.with_extension("part");
    let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file));
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// A signal, or the death of the parent.
async fn until_the_end(parent: u32) -> Result<&'static str, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let orphaned = async {
        while std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    Ok(tokio::select! {
        _ = terminate.recv() => "terminated",
        _ = interrupt.recv() => "interrupted",
        () = orphaned => "its parent is gone",
    })
}
