//! Wires `restore`, deployed for planning, acting, cleaning up and releasing.

use lifeboat_lambda::{Settings, SystemClock, Variable, run};
use lifeboat_restore::{Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    run(async || {
        let settings = Settings::from_env(&[Variable::Table, Variable::Bucket, Variable::Steps, Variable::Policies, Variable::HomeRegion])?;
        let aws = lifeboat_aws::load().await?;
        let deps = Deps {
            databases: aws.databases(),
            ledger: aws.ledger(settings.table()?, settings.home_region()?),
            documents: aws.bucket(settings.bucket()?),
            secrets: lifeboat_restore::everywhere(&aws),
            executions: aws.executions(),
            clock: SystemClock,
            policies: settings.policies()?,
        };
        Ok(async move |input| handle(&deps, settings.allowed(input)?).await)
    })
    .await
}
