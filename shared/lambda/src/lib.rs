//! The runtime edge of Lifeboat's Lambdas; the only crate that knows the Lambda runtime, the environment and the clock.
//!
//! A function's `main.rs` only wires, and hands the wiring to [`run()`], so that a wrong setting too gets a name that a state machine can catch:
//!
//! ```no_run
//! use lifeboat_domain::DrError;
//! use lifeboat_lambda::{Settings, Variable, run};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::process::ExitCode {
//!     run(async || {
//!         let settings = Settings::from_env(&[Variable::Table, Variable::Steps])?;
//!         Ok(async move |input| {
//!             settings.allow_step("plan")?;
//!             Ok(input)
//!         })
//!     })
//!     .await
//! }
//! ```

mod clock;
mod decode;
mod logging;
pub mod metrics;
mod run;
mod settings;
mod steps;

pub use clock::SystemClock;
pub use decode::{decode, encode};
pub use logging::init_logging;
pub use run::run;
pub use settings::{Settings, Variable, load_policies};
