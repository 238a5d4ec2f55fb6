//! Wires `detect`.

use lifeboat_detect::{Deps, handle};
use lifeboat_domain::moments::with_trail::WithTrail;
use lifeboat_lambda::{Settings, SystemClock, Variable, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    run(async || {
        let needs =
            [Variable::Table, Variable::Bucket, Variable::RecoveryMachine, Variable::Steps, Variable::Policies, Variable::HomeRegion];
        let settings = Settings::from_env(&needs)?;
        let aws = lifeboat_aws::load().await?;
        let deps = Deps {
            databases: WithTrail { databases: aws.databases(), trail: aws.trail() },
            ledger: aws.ledger(settings.table()?, settings.home_region()?),
            documents: aws.bucket(settings.bucket()?),
            executions: aws.step_functions(settings.recovery_machine()?),
            clock: SystemClock,
            policies: settings.policies()?,
        };
        Ok(async move |input| handle(&deps, settings.allowed(input)?).await)
    })
    .await
}
