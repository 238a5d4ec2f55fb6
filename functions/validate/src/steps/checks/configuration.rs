//! The configuration check: what the restored database did not get back of its source's settings.

use lifeboat_domain::point::Difference;
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;

/// Grades the differences that `restore` wrote down.
pub(crate) fn configuration(differences: Option<&[Difference]>) -> Check {
    let (grade, text) = match differences {
        None => (Grade::Unknown, "the restored configuration was not compared with the manifest".to_owned()),
        Some([]) => (Grade::Pass, "every setting is as in the manifest".to_owned()),
        Some(differences) => {
            let weaker = differences.iter().any(weakens);
            let listed: Vec<String> = differences.iter().map(show).collect();
            let count = differences.len();
            let settings = if count == 1 { "1 setting differs" } else { &format!("{count} settings differ") };
            (if weaker { Grade::Fail } else { Grade::Warn }, format!("{settings} from the manifest: {}", listed.join(", ")))
        }
    };
    Check::new("configuration", grade, text)
}

fn show(difference: &Difference) -> String {
    let Difference { setting, source, restored } = difference;
    let mark = if weakens(difference) { " (weaker)" } else { "" };
    format!("{setting} was {} and is {}{mark}", or_unset(source), or_unset(restored))
}

fn or_unset(value: &str) -> &str {
    if value.is_empty() { "unset" } else { value }
}

/// Whether the restored database is less protected than its source was.
fn weakens(difference: &Difference) -> bool {
    match difference.setting.as_str() {
        "cache.user_groups"
        | "cache.transit_encryption_mode"
        | "security_groups"
        | Difference::PARAMETERS
        | Difference::WRITERS
        | Difference::MEMBERS => true,
        "storage_encrypted"
        | "deletion_protection"
        | "iam_authentication"
        | "cache.transit_encryption"
        | "cache.auth_token"
        | "cache.automatic_failover" => difference.restored != "true",
        // A cluster that comes back with other members is not as available as its source was.
        "cluster.members" => true,
        // Of a table: what protects its data, and who may reach it.
        "table.point_in_time_days" | "table.policy" => true,
        setting if setting == "publicly_accessible" || setting.ends_with(".publicly_accessible") => difference.restored != "false",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(setting: &str, source: &str, restored: &str) -> Grade {
        configuration(Some(&[Difference { setting: setting.into(), source: source.into(), restored: restored.into() }])).grade
    }

    #[test]
    fn a_weaker_copy_fails_and_another_one_warns() {
        assert_eq!(graded("security_groups", "[\"sg-1\"]", "[\"sg-2\"]"), Grade::Fail);
        for setting in ["storage_encrypted", "deletion_protection", "iam_authentication"] {
            assert_eq!(graded(setting, "true", "false"), Grade::Fail, "{setting}");
            assert_eq!(graded(setting, "false", "true"), Grade::Warn, "{setting}");
        }
        assert_eq!(graded(Difference::PARAMETERS, "in-sync", "pending-reboot"), Grade::Fail, "the engine runs with other settings");
        assert_eq!(
            (graded("table.point_in_time_days", "35", "null"), graded("table.policy", "\"{}\"", "null")),
            (Grade::Fail, Grade::Fail)
        );
        assert_eq!(graded("publicly_accessible", "false", "true"), Grade::Fail);
        assert_eq!(graded("publicly_accessible", "true", "false"), Grade::Warn);
        assert_eq!(graded("cluster.members.0.publicly_accessible", "false", "true"), Grade::Fail);
        assert_eq!(graded(Difference::WRITERS, "1", "2"), Grade::Fail);
        assert_eq!(graded(Difference::MEMBERS, "3", "2"), Grade::Fail);
        assert_eq!(graded("class", "\"db.m6g.large\"", "\"db.m6g.xlarge\""), Grade::Warn);
    }

    #[test]
    fn no_comparison_is_unknown_and_no_difference_passes() {
        assert_eq!(configuration(None).grade, Grade::Unknown);
        assert_eq!(configuration(Some(&[])).grade, Grade::Pass);
    }
}
