//! A person's predicate: one SELECT of one boolean, asked by the same way as the owner's checks.

use lifeboat_domain::bisection::Reply;
use lifeboat_domain::policy::SqlCheck;
use lifeboat_domain::ports::{Credentials, OpenDatabases, Target, VisitLimits};
use lifeboat_domain::words::Grade;

/// The name under which it runs.
const NAME: &str = "predicate";

/// Asks it; a database that does not answer, a statement that fails and what is neither true nor false are unknown.
///
/// A check says only whether it returned what was expected. What is not `good` is therefore asked once more, whether it is `bad`:
/// what is NULL is neither.
pub async fn ask(
    databases: &impl OpenDatabases,
    target: &Target,
    credentials: &Credentials,
    limits: VisitLimits,
    predicate: &str,
) -> (Reply, String) {
    let mut text = String::new();
    for reply in [Reply::Good, Reply::Bad] {
        let checks = [check(predicate, reply)];
        let Some(ran) = databases.run_checks(target, credentials, limits, &checks).await.into_iter().next() else { break };
        match ran.grade {
            Grade::Pass if reply == Reply::Good => return (reply, "the predicate is true".to_owned()),
            Grade::Pass => return (reply, "the predicate is false".to_owned()),
            Grade::Fail => text = "the predicate is neither true nor false".to_owned(),
            Grade::Warn | Grade::Unknown => return (Reply::Unknown, format!("the predicate {}", ran.text)),
        }
    }
    (Reply::Unknown, text)
}

fn check(predicate: &str, expected: Reply) -> SqlCheck {
    SqlCheck { name: NAME.to_owned(), sql: statement(predicate), expect: expected.as_str().to_owned(), watch: false }
}

/// As a scalar subquery it may return one value only, and as the operand of a CASE it must be a boolean. The line breaks end a
/// comment at its end.
fn statement(predicate: &str) -> String {
    let inner = predicate.trim().trim_end_matches(';');
    format!("SELECT CASE (\n{inner}\n) WHEN TRUE THEN 'good' WHEN FALSE THEN 'bad' ELSE 'neither' END")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_becomes_one_select_of_one_word() {
        let sql = statement(" SELECT count(*) > 5 FROM orders -- all of them\n;");
        assert_eq!(
            sql,
            "SELECT CASE (\nSELECT count(*) > 5 FROM orders -- all of them\n\n) WHEN TRUE THEN 'good' WHEN FALSE THEN 'bad' ELSE 'neither' END"
        );
        assert_eq!(check("SELECT true", Reply::Bad).expect, "bad");
    }
}
