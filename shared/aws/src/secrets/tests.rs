//! Logins, and a host that moves without losing anything.

use super::*;
use crate::wire::{Wire, error_json};
use serde_json::json;

fn answer(id: &str, name: &str, text: &str) -> String {
    json!({"ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders", "Name": name, "VersionId": id, "SecretString": text})
        .to_string()
}

const ORDERS: &str = r#"{"engine":"postgres","host":"old.example","port":5432,"username":"app","password":"hunter2","dbname":"orders","dbInstanceIdentifier":"orders-db","owner":{"team":"orders"}}"#;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn new_host() -> Endpoint {
    Endpoint { host: "new.example".to_owned(), port: 5433 }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_read_by_version_or_as_it_is_today() {
    let body = answer("v-7", "orders", ORDERS);
    let wire = Wire::answering(&[(200, &body), (200, &body)]);
    let secrets = wire.clients().await.secrets();
    let login = secrets.credentials("orders", None).await.unwrap();
    assert_eq!((login.version.as_str(), login.username.as_str(), login.password.reveal()), ("v-7", "app", "hunter2"));
    assert_eq!(login.database.as_deref(), Some("orders"));
    assert_eq!(login.endpoint, Some(Endpoint { host: "old.example".to_owned(), port: 5432 }));
    assert!(!login.managed_by_rds);
    assert!(!format!("{login:?}").contains("hunter2"));
    secrets.credentials("orders", Some("v-3")).await.unwrap();
    assert_eq!(
        wire.json(),
        [json!({"SecretId": "orders", "VersionStage": "AWSCURRENT"}), json!({"SecretId": "orders", "VersionId": "v-3"})]
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_managed_by_rds_has_a_login_and_no_host() {
    let body = answer("v-1", "rds!db-123", r#"{"username":"app","password":"hunter2"}"#);
    let wire = Wire::answering(&[(200, &body), (200, &body)]);
    let secrets = wire.clients().await.secrets();
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-123-AbCdEf";
    let login = secrets.credentials(arn, None).await.unwrap();
    assert!(login.managed_by_rds && login.endpoint.is_none());
    let error = secrets.point_secret(arn, &new_host(), TOKEN).await.unwrap_err();
    assert_eq!(error.class, CallClass::Invalid);
    assert!(error.message.contains("managed by RDS"), "{error}");
    assert_eq!(wire.count(), 2, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn a_port_may_be_text_and_a_broken_secret_says_which_field_and_no_value() {
    let text = r#"{"host":"h","port":"5432","username":"app","password":"hunter2"}"#;
    let wire = Wire::answering(&[(200, &answer("v", "orders", text))]);
    assert_eq!(wire.clients().await.secrets().credentials("orders", None).await.unwrap().endpoint.unwrap().port, 5432);

    for (text, field) in [
        ("hunter2", "SecretString"),
        (r#"["hunter2"]"#, "SecretString"),
        (r#"{"username":"app"}"#, "password"),
        (r#"{"password":"hunter2"}"#, "username"),
        (r#"{"username":"","password":"hunter2"}"#, "username"),
    ] {
        let wire = Wire::answering(&[(200, &answer("v", "orders", text))]);
        let error = wire.clients().await.secrets().credentials("orders", None).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, field));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_host_and_port_change() {
    let put = json!({"VersionId": TOKEN, "VersionStages": ["AWSCURRENT"]}).to_string();
    let wire = Wire::answering(&[(200, &answer("v-7", "orders", ORDERS)), (200, &put)]);
    let before = wire.clients().await.secrets().point_secret("orders", &new_host(), TOKEN).await.unwrap();
    assert_eq!(before, "v-7");
    let sent = wire.json().remove(1);
    assert_eq!((&sent["SecretId"], &sent["ClientRequestToken"]), (&json!("orders"), &json!(TOKEN)));
    let written: Value = serde_json::from_str(sent["SecretString"].as_str().unwrap()).unwrap();
    let mut expected: Value = serde_json::from_str(ORDERS).unwrap();
    expected["host"] = json!("new.example");
    expected["port"] = json!(5433);
    assert_eq!(written, expected);
}

#[tokio::test(start_paused = true)]
async fn a_port_written_as_text_stays_text() {
    let text = r#"{"host":"h","port":"5432","username":"app","password":"hunter2"}"#;
    let wire = Wire::answering(&[(200, &answer("v-7", "orders", text)), (200, "{}")]);
    wire.clients().await.secrets().point_secret("orders", &new_host(), "short token").await.unwrap();
    let sent = wire.json().remove(1);
    assert!(sent["SecretString"].as_str().unwrap().contains(r#""port":"5433""#), "{sent}");
    assert_eq!(sent["ClientRequestToken"].as_str().unwrap(), digest(&["short token"]), "tokens shorter than 32 are hashed");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_writes_nothing_and_knows_what_was_before() {
    let wire = Wire::answering(&[(200, &answer(TOKEN, "orders", ORDERS)), (200, &answer("v-7", "orders", ORDERS))]);
    let before = wire.clients().await.secrets().point_secret("orders", &new_host(), TOKEN).await.unwrap();
    assert_eq!(before, "v-7");
    assert_eq!(wire.json()[1], json!({"SecretId": "orders", "VersionStage": "AWSPREVIOUS"}));
    assert!(wire.headers("x-amz-target").iter().all(|target| target == "secretsmanager.GetSecretValue"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_somebody_moved_since_is_not_called_moved() {
    let stale = json!({"VersionId": TOKEN, "VersionStages": ["AWSPREVIOUS"]}).to_string();
    let wire = Wire::answering(&[(200, &answer("v-9", "orders", ORDERS)), (200, &stale)]);
    let error = wire.clients().await.secrets().point_secret("orders", &new_host(), TOKEN).await.unwrap_err();
    assert_eq!(error.class, CallClass::WrongState);

    let taken = error_json("ResourceExistsException", "another content");
    let wire = Wire::answering(&[(200, &answer("v-9", "orders", ORDERS)), (400, &taken)]);
    let error = wire.clients().await.secrets().point_secret("orders", &new_host(), TOKEN).await.unwrap_err();
    assert_eq!(error.class, CallClass::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn versions_are_listed_over_all_pages_deprecated_ones_too_oldest_first() {
    let entry = |id: &str, at: f64, stages: &[&str]| json!({"VersionId": id, "CreatedDate": at, "VersionStages": stages});
    let first = json!({"Versions": [entry("v-3", 1_768_000_300.0, &["AWSCURRENT"]), entry("v-2", 1_768_000_200.0, &["AWSPREVIOUS"])], "NextToken": "more"});
    let second = json!({"Versions": [{"VersionId": "v-1", "CreatedDate": 1_768_000_100.25}]});
    let wire = Wire::answering(&[(200, &first.to_string()), (200, &second.to_string())]);
    let versions = wire.clients().await.secrets().secret_versions("orders").await.unwrap();
    assert_eq!(
        versions.iter().map(|one| (one.id.as_str(), one.is_current)).collect::<Vec<_>>(),
        [("v-1", false), ("v-2", false), ("v-3", true)]
    );
    assert_eq!(versions[0].created_at.timestamp_millis(), 1_768_000_100_250);
    let sent = [
        json!({"SecretId": "orders", "IncludeDeprecated": true}),
        json!({"SecretId": "orders", "IncludeDeprecated": true, "NextToken": "more"}),
    ];
    assert_eq!(wire.json(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_gone_or_locked_is_told_apart() {
    for (code, class) in [
        ("ResourceNotFoundException", CallClass::NotFound),
        ("AccessDeniedException", CallClass::Denied),
        ("DecryptionFailure", CallClass::Denied),
    ] {
        let wire = Wire::answering(&[(400, &error_json(code, "why"))]);
        assert_eq!(wire.clients().await.secrets().credentials("orders", None).await.unwrap_err().class, class);
    }
}

#[tokio::test(start_paused = true)]
async fn whose_a_secret_is_and_what_key_it_holds_is_read_without_its_value_being_shown() {
    let managed = json!({"Name": "rds!db-1", "OwningService": "rds"}).to_string();
    let own = json!({"Name": "orders"}).to_string();
    let key = answer("v-1", "prod/rollout", "a key\n");
    let empty = answer("v-1", "prod/rollout", " ");
    let wire = Wire::answering(&[(200, &managed), (200, &own), (200, &key), (200, &empty)]);
    let secrets = wire.clients().await.secrets();
    assert_eq!(secrets.owning_service("rds!db-1").await.unwrap().as_deref(), Some("rds"));
    assert_eq!(secrets.owning_service("orders").await.unwrap(), None);
    let key = secrets.signing_key("prod/rollout").await.unwrap();
    assert_eq!((key.reveal(), format!("{key:?}").as_str()), ("a key", "***"));
    assert_eq!(secrets.signing_key("prod/rollout").await.unwrap_err().class, CallClass::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_replica_of_a_secret_is_not_ones_own() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-a1b2c3";
    let replica = json!({"Name": "orders", "ARN": arn, "PrimaryRegion": "eu-west-1"}).to_string();
    let primary = json!({"Name": "orders", "ARN": arn, "PrimaryRegion": "eu-central-1"}).to_string();
    let wire = Wire::answering(&[(200, &replica), (200, &primary)]);
    let secrets = wire.clients().await.secrets();
    assert_eq!(secrets.owning_service("orders").await.unwrap().as_deref(), Some("its primary in eu-west-1"));
    assert_eq!(secrets.owning_service("orders").await.unwrap(), None);
}
