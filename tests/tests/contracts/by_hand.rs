//! Commands that people paste: in letters, reports and documents.

use crate::repo::{files, none, read};

/// Verbs that make a database or a recovery point, of APIs that take tags with it. RDS gives a copy without tags its source's: it would
/// carry the policy and the identity, and be taken for the protected one.
const TAKE_TAGS: [&str; 4] =
    ["aws rds restore-db-", "aws rds create-db-", "aws elasticache create-replication-group", "aws elasticache create-snapshot"];

#[test]
fn whatever_a_pasted_command_makes_is_given_tags_of_its_own() {
    let documents = ["README.md", "ARCHITECTURE.md"].map(str::to_owned).into_iter();
    let folders = ["docs", "infra", "statemachines", "functions/notify/tests/golden"];
    let documents = documents.chain(folders.into_iter().flat_map(|folder| files(folder, &[".md", ".txt"])));
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for path in documents {
        for line in read(&path).lines().filter(|line| TAKE_TAGS.iter().any(|verb| line.contains(verb))) {
            seen += 1;
            complaints.extend((!line.contains(" --tags ")).then(|| format!("{path}: {}", line.trim())));
        }
    }
    assert!(seen > 10, "{seen} commands were found");
    none(complaints);
}
