//! The commands, run by a shell where that matters.

use super::*;

const ARN: &str = "arn:aws:states:eu-west-1:123456789012:execution:lifeboat-recovery:orders-db-1";

#[test]
fn an_execution_leads_to_its_page_and_its_machine() {
    let execution = Execution::parse(ARN).unwrap();
    assert_eq!(
        execution.console(),
        format!("https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{ARN}")
    );
    let start = execution.start("{}");
    assert!(start.contains("--state-machine-arn arn:aws:states:eu-west-1:123456789012:stateMachine:lifeboat-recovery "), "{start}");
    let answer = execution.start_sibling("approval", "{}").unwrap();
    assert!(answer.contains(":stateMachine:lifeboat-approval "), "{answer}");
    assert_eq!(Execution::parse("by hand"), None);
}

/// Runs the commands as a shell does where RDS accepts a rename, and shows its end after two looks.
#[test]
fn the_names_are_given_back_one_after_the_other() {
    let id = |name: &str| DatabaseId::parse(name).unwrap();
    let (name, kept_as, was) = (id("orders-db"), id("orders-db-old-1a2b3c4d"), id("orders-db-r1"));
    let (source, copy) = (Some("db-SOURCE".to_owned()), "db-COPY".to_owned());
    let names = Names { name, kept_as, was, source, copy, through: None, unseen: BTreeMap::new() };
    let commands = names_back("eu-west-1", &names).join("\n");
    let aws = r#"
        aws() {
            case "$*" in
            *modify-db-instance*) while [ "$1" != --new-db-instance-identifier ]; do shift; done
                echo "renamed to $2"; printf '%s' "$2" > "$HOME/to"; printf '' > "$HOME/looks" ;;
            *'DBInstances[].join('*) printf . >> "$HOME/looks"; looks=$(cat "$HOME/looks"); echo "look $looks $3 $6" >&2
                case "$looks" in .) ;; ..) echo "$(cat "$HOME/to"):renaming" ;; *) echo "$(cat "$HOME/to"):available" ;; esac ;;
            *" wait "*) return 255 ;;
            esac
        }
        sleep() { echo waited; }
    "#;
    let home = std::env::temp_dir().join(format!("lifeboat-names-back-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let shell = std::process::Command::new("sh").arg("-euc").arg(format!("{aws}\n{commands}")).env("HOME", &home).output().unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    let told = String::from_utf8(shell.stdout).unwrap();
    let each = |to: &str| format!("renamed to {to}\nwaited\nwaited\n");
    assert_eq!(told, format!("{}{}", each("orders-db-r1"), each("orders-db")), "{commands}\n{}", String::from_utf8_lossy(&shell.stderr));
    assert!(shell.status.success());
}

/// Runs the commands as a shell does where RDS takes a while: no member is restarted before the one before is back.
#[test]
fn a_cluster_is_shut_member_by_member() {
    let arn = Arn::parse("arn:aws:rds:eu-west-1:123456789012:cluster:orders-db").unwrap();
    let commands = shut(&arn, &DatabaseId::parse("cluster:orders-db").unwrap(), None, "sg-fence").join("\n");
    let aws = r#"
        aws() {
            case "$*" in
            *modify-db-cluster*--vpc-security-group-ids\ sg-fence*) echo "closed $6" ;;
            *VpcSecurityGroups*) printf g >> "$HOME/g"; [ "$(cat "$HOME/g")" = gg ] && echo sg-fence=active || echo sg-fence=adding ;;
            *DBClusterMembers*) echo "reader-2 writer-1" ;;
            *reboot-db-instance*) echo "restarted $6"; printf '' > "$HOME/looks" ;;
            *DBInstanceStatus*) printf . >> "$HOME/looks"; [ "$(cat "$HOME/looks")" = .. ] && echo rebooting || echo available ;;
            *"wait db-instance-available"*) echo "back $7" ;;
            *) echo "unexpected: $*" ;;
            esac
        }
        sleep() { :; }
    "#;
    let home = std::env::temp_dir().join(format!("lifeboat-shut-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let shell = std::process::Command::new("sh").arg("-euc").arg(format!("{aws}\n{commands}")).env("HOME", &home).output().unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    let told = String::from_utf8(shell.stdout).unwrap();
    let each = |member: &str| format!("restarted {member}\nback {member}\n");
    assert_eq!(told, format!("closed orders-db\n{}{}", each("reader-2"), each("writer-1")), "{commands}");
    assert!(shell.status.success());
}

#[test]
fn what_a_person_releases_is_named_with_its_kind() {
    let resource = Identity::parse("orders-db").unwrap();
    let cluster = release(ARN, &resource, &DatabaseId::parse("cluster:orders-db").unwrap()).unwrap();
    assert!(cluster.contains(r#""instance": "cluster:orders-db", "confirm": "cluster:orders-db""#), "{cluster}");
    let instance = release(ARN, &resource, &DatabaseId::parse("orders-db").unwrap()).unwrap();
    assert!(instance.contains(r#""instance": "orders-db", "confirm": "orders-db""#), "{instance}");
}

#[test]
fn a_foreign_word_cannot_break_out_of_the_shell() {
    assert_eq!(quoted("prod/orders"), "prod/orders");
    assert_eq!(quoted("a'b; c"), r"'a'\''b; c'");
}

#[test]
fn no_command_for_a_table_or_a_cache_is_one_of_rds_which_may_know_an_instance_of_that_name() {
    for (arn, id) in [
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/orders", "table/orders"),
        ("arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:orders", "replicationgroup:orders"),
    ] {
        let (arn, id) = (Arn::parse(arn).unwrap(), DatabaseId::parse(id).unwrap());
        let groups = ["sg-1".to_owned()];
        let tags: BTreeMap<String, String> = [("team".to_owned(), "shop".to_owned())].into();
        let mut all = vec![describe(&arn, &id), events(&arn, &id), events_since(&arn, &id, "2026-01-15T10:25:00Z".parse().unwrap())];
        all.extend([force_failover(&arn, &id, None, None), set_groups(&arn, &id, &groups)]);
        let endpoint = Endpoint { host: "master.orders.example".to_owned(), port: 6379 };
        all.extend(end_sessions(&arn, &id, Some(&endpoint)));
        all.extend([add_tags(&arn, &tags), remove_tags(&arn, tags.keys())]);
        all.extend(shut(&arn, &id, Some(&endpoint), "sg-1"));
        for is_protected in [None, Some(true), Some(false)] {
            all.extend(delete_copy(&arn, &id, is_protected));
            all.extend(release_source(&arn, &id, is_protected));
            all.extend(release_terminal(&arn, &id, is_protected));
        }
        let snapshot = SnapshotId::parse("first").unwrap();
        all.extend(by_hand(&arn, &Act::CreateSnapshot { instance: id, snapshot, tags }));
        for command in all {
            assert!(!command.contains("aws rds"), "{command}");
        }
    }
}
