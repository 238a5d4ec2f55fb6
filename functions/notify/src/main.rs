//! Wires `notify`.

use lifeboat_lambda::{Settings, SystemClock, Variable, run};
use lifeboat_notify::{Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    run(async || {
        let needs = [Variable::Table, Variable::Bucket, Variable::Topic, Variable::Steps, Variable::Policies, Variable::HomeRegion];
        let settings = Settings::from_env(&needs)?;
        let aws = lifeboat_aws::load().await?;
        let deps = Deps {
            ledger: aws.ledger(settings.table()?, settings.home_region()?),
            documents: aws.bucket(settings.bucket()?),
            topic: aws.topic(settings.topic()?),
            clock: SystemClock,
            policies: settings.policies()?,
        };
        Ok(async move |input| handle(&deps, settings.allowed(input)?).await)
    })
    .await
}
