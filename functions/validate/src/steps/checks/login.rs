//! Which login the restored database takes: its engine holds the passwords of the restore time, clients have today's.

use crate::{Deps, open};
use lifeboat_domain::ports::{Clock, Credentials, OpenDatabases, ReadSecretVersions, ReadSecrets, SecretVersion, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;
use lifeboat_domain::{DrError, Timestamp, show_time};

/// What the logins showed.
pub(crate) struct Login {
    /// The login that works; today's, if it does.
    pub works: Option<Credentials>,
    /// Whether clients log in at all; into a table AWS's own authorisation lets them.
    pub has_login: bool,
    /// What today's login met with.
    pub today: Probe,
    /// What the login of the restore time met with, and when that was made; none where it is today's.
    pub then: Option<(Timestamp, Probe)>,
}

/// Tries the secret's version that was current at `restore_point`, then today's. A secret that cannot be read *now* is an error,
/// for the step to be repeated: it says nothing of the database.
pub(crate) async fn try_logins<L, D, S: ReadSecrets + ReadSecretVersions, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    target: &Target,
    limits: VisitLimits,
    restore_point: Option<Timestamp>,
) -> Result<Login, DrError> {
    let mut then = None;
    let mut works = None;
    if let Some((version, secret)) = older_version(deps, target, restore_point).await? {
        let (credentials, probe) = match deps.secrets.credentials(&secret, Some(&version.id)).await {
            Ok(credentials) => {
                let probe = deps.databases.probe_writes(target, &credentials, limits).await;
                (Some(credentials), probe)
            }
            Err(error) => {
                let error = error.while_doing(format!("reading the older version of the secret {secret}"));
                (None, open::could_not_run(deps.clock.now(), unless_retryable(error)?))
            }
        };
        works = credentials.filter(|_| probe.outcome == ProbeOutcome::Answers);
        then = Some((version.created_at, probe));
    }
    let today = match open::today(&deps.secrets, target).await {
        Ok(credentials) => {
            let probe = deps.databases.probe_writes(target, &credentials, limits).await;
            if probe.outcome == ProbeOutcome::Answers {
                works = Some(credentials);
            }
            probe
        }
        Err(error) => open::could_not_run(deps.clock.now(), unless_retryable(error)?),
    };
    Ok(Login { works, today, then, has_login: target.has_login() })
}

/// What it says, unless repeating can help.
fn unless_retryable(error: DrError) -> Result<String, DrError> {
    if error.name().is_retryable() { Err(error) } else { Ok(error.to_string()) }
}

/// The newest version made at or before the restore point, if that is not today's.
async fn older_version<L, D, S: ReadSecretVersions, O, C>(
    deps: &Deps<L, D, S, O, C>,
    target: &Target,
    restore_point: Option<Timestamp>,
) -> Result<Option<(SecretVersion, String)>, DrError> {
    let Some((secret, restore_point)) = target.secret.clone().zip(restore_point) else { return Ok(None) };
    let versions = match deps.secrets.secret_versions(&secret).await {
        Ok(versions) => versions,
        Err(error) => {
            let why = unless_retryable(error.while_doing(format!("listing the versions of the secret {secret}")))?;
            tracing::warn!(resource = %target.resource, "only today's login is tried: {why}");
            return Ok(None);
        }
    };
    let version = versions.into_iter().filter(|version| version.created_at <= restore_point).max_by_key(|version| version.created_at);
    Ok(version.filter(|version| !version.is_current).map(|version| (version, secret)))
}

impl Login {
    /// The probe that got furthest.
    pub(crate) fn best(&self) -> &Probe {
        match &self.then {
            Some((_, then)) if self.today.outcome != ProbeOutcome::Answers && then.outcome == ProbeOutcome::Answers => then,
            _ => &self.today,
        }
    }

    /// Why no login works.
    pub(crate) fn why_not(&self) -> String {
        format!("{}: {}", self.today.outcome, self.today.text)
    }

    /// Whether it can be reached at all.
    pub(crate) fn reachability(&self) -> Check {
        let probes = self.then.iter().map(|(_, probe)| probe).chain([&self.today]);
        let graded = probes.map(|probe| (reach(probe.outcome), probe)).min_by_key(|(grade, _)| *grade);
        let (grade, probe) = graded.unwrap_or((Grade::Unknown, &self.today));
        Check { millis: probe.millis, ..Check::new("reachability", grade, &probe.text) }
    }

    /// Whether clients, who have today's password, are let in.
    pub(crate) fn login(&self) -> Check {
        let (grade, text) = match (self.today.outcome, &self.then) {
            (ProbeOutcome::Answers, None) if !self.has_login => {
                (Grade::Pass, "AWS's own authorisation lets clients in, and lets validate in".to_owned())
            }
            (ProbeOutcome::Answers, None) => (Grade::Pass, "today's login, which is also that of the restore time, works".to_owned()),
            (ProbeOutcome::Answers, Some((at, then))) if then.outcome == ProbeOutcome::Answers => {
                (Grade::Pass, format!("today's login works, and that of {} does too", show_time(*at)))
            }
            (ProbeOutcome::Answers, Some((at, _))) => {
                (Grade::Pass, format!("today's login works; that of {} does not any more", show_time(*at)))
            }
            (ProbeOutcome::LoginRefused, Some((at, then))) if then.outcome == ProbeOutcome::Answers => {
                let when = show_time(*at);
                (Grade::Fail, format!("clients would be refused: the restored engine holds the password of {when}; reset needed"))
            }
            (ProbeOutcome::LoginRefused, _) => (Grade::Fail, format!("clients would be refused: {}", self.today.text)),
            (outcome, _) => (Grade::Unknown, format!("today's login could not be tried ({outcome}): {}", self.today.text)),
        };
        Check { millis: self.today.millis, ..Check::new("login", grade, text) }
    }
}

const fn reach(outcome: ProbeOutcome) -> Grade {
    match outcome {
        ProbeOutcome::Answers
        | ProbeOutcome::WriteDenied
        | ProbeOutcome::LoginRefused
        | ProbeOutcome::TooManyConnections
        | ProbeOutcome::StartingUp => Grade::Pass,
        ProbeOutcome::CouldNotRun => Grade::Unknown,
        ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer => Grade::Fail,
    }
}
