//! Wires the `validate` Lambda.

use lifeboat_lambda::{Settings, SystemClock, Variable, run};
use lifeboat_validate::{Databases, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    run(async || {
        let needs = [Variable::Table, Variable::Bucket, Variable::HomeRegion, Variable::Policies, Variable::TlsRoots, Variable::Steps];
        let settings = Settings::from_env(&needs)?;
        let clients = lifeboat_aws::load().await?;
        let deps = Deps {
            ledger: clients.ledger(settings.table()?, settings.home_region()?),
            documents: clients.bucket(settings.bucket()?),
            secrets: clients.secrets(),
            databases: Databases::new(&settings.tls_roots()?, clients.table_items(), SystemClock)?,
            clock: SystemClock,
            policies: settings.policies()?,
        };
        Ok(async move |input| handle(&deps, settings.allowed(input)?).await)
    })
    .await
}
