//! The architecture, as far as a test can read it.

use crate::repo::{files, none, read};
use std::collections::BTreeSet;

const FUNCTIONS: &[&str] = &["detect", "snapshot", "restore", "validate", "notify"];

/// The keys of one section of a Cargo.toml.
fn keys(manifest: &str, section: &str) -> BTreeSet<String> {
    let text = read(manifest);
    let inside = text.split(&format!("\n[{section}]\n")).nth(1).unwrap_or_default();
    let lines = inside.split("\n[").next().unwrap_or_default().lines();
    let named = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
    named.filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned).collect()
}

/// Complains about each dependency of `manifest` that `allowed` does not let pass.
fn forbidden(manifest: &str, section: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    keys(manifest, section).into_iter().filter(|name| !allowed(name)).map(|name| format!("{manifest}: [{section}] has {name}")).collect()
}

fn is_foreign(name: &str) -> bool {
    !name.starts_with("lifeboat-")
}

#[test]
fn dependencies_run_one_way() {
    let mut complaints = Vec::new();
    for function in FUNCTIONS {
        let manifest = format!("functions/{function}/Cargo.toml");
        let below = ["lifeboat-lambda", "lifeboat-aws", "lifeboat-domain"];
        complaints.extend(forbidden(&manifest, "dependencies", |name| is_foreign(name) || below.contains(&name)));
        complaints.extend(forbidden(&manifest, "dev-dependencies", |name| {
            is_foreign(name) || name == "lifeboat-testing" || below.contains(&name)
        }));
    }
    for shared in ["aws", "lambda", "testing"] {
        complaints.extend(forbidden(&format!("shared/{shared}/Cargo.toml"), "dependencies", |name| {
            is_foreign(name) || name == "lifeboat-domain"
        }));
    }
    none(complaints);
}

#[test]
fn the_domain_is_pure() {
    let impure = ["tokio", "lambda_runtime", "tracing", "reqwest", "hyper"];
    none(forbidden("shared/domain/Cargo.toml", "dependencies", |name| {
        is_foreign(name) && !name.starts_with("aws") && !impure.contains(&name)
    }));
    let words = ["std::env", "std::fs", "SystemTime", "Instant::now", "Utc::now", "std::net", "std::thread"];
    none(code("shared/domain").into_iter().flat_map(|(path, text)| {
        words.iter().filter(|word| text.contains(**word)).map(|word| format!("{path}: uses {word}")).collect::<Vec<_>>()
    }));
}

/// The sources of a folder without their tests.
fn code(folder: &str) -> Vec<(String, String)> {
    let paths = files(folder, &[".rs"]).into_iter().filter(|path| !path.ends_with("tests.rs") && !path.contains("/tests/"));
    paths.map(|path| (path.clone(), read(&path).split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned())).collect()
}

#[test]
fn the_behaviour_model_is_only_for_tests_and_the_estate() {
    let manifests = files("", &["Cargo.toml"])
        .into_iter()
        .filter(|path| path != "Cargo.toml" && path != "tests/Cargo.toml" && !path.contains("estate"));
    none(manifests.flat_map(|manifest| forbidden(&manifest, "dependencies", |name| name != "lifeboat-testing")));
}

#[test]
fn only_the_adapters_name_the_sdk_and_only_the_edge_names_the_runtime() {
    let (sdk, runtime) = (concat!("aws_", "sdk_"), concat!("lambda_", "runtime"));
    none(files("", &[".rs"]).into_iter().flat_map(|path| {
        let text = read(&path);
        let sdk = (!path.starts_with("shared/aws/") && text.contains(sdk)).then(|| format!("{path}: names {sdk}*"));
        let is_test = path.starts_with("tests/tests/contracts/");
        let runtime =
            (!path.starts_with("shared/lambda/") && !is_test && text.contains(runtime)).then(|| format!("{path}: names {runtime}"));
        sdk.into_iter().chain(runtime).collect::<Vec<_>>()
    }));
    none(files("", &["Cargo.toml"]).into_iter().filter(|path| path != "Cargo.toml").flat_map(|manifest| {
        let dependencies = keys(&manifest, "dependencies");
        let sdk = dependencies.iter().any(|name| name.starts_with("aws-sdk-")) && manifest != "shared/aws/Cargo.toml";
        let runtime = dependencies.contains(runtime) && manifest != "shared/lambda/Cargo.toml";
        (sdk || runtime).then(|| format!("{manifest}: depends on the SDK or the runtime"))
    }));
}

#[test]
fn the_main_of_a_function_only_wires() {
    none(FUNCTIONS.iter().filter_map(|function| {
        let path = format!("functions/{function}/src/main.rs");
        let lines = read(&path).lines().count();
        (lines > 25).then(|| format!("{path}: {lines} lines; 25 are enough to wire"))
    }));
}

#[test]
fn a_panic_unwinds_so_that_the_runtime_can_report_it() {
    let aborts = concat!("panic = \"", "abort\"");
    let set = |path: &String| read(path).lines().any(|line| line.trim_start().starts_with(aborts));
    none(files("", &["Cargo.toml"]).into_iter().filter(set).map(|path| format!("{path}: {aborts}")));
}

#[test]
fn every_crate_takes_the_common_lints() {
    none(
        files("", &["Cargo.toml"])
            .into_iter()
            .filter(|path| path != "Cargo.toml" && !read(path).contains("[lints]\nworkspace = true"))
            .map(|path| format!("{path}: has no [lints] workspace = true")),
    );
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    none(files("", &[".rs"]).into_iter().filter_map(|path| {
        let lines = read(&path).lines().count();
        (lines > 450).then(|| format!("{path}: {lines} lines"))
    }));
}

#[test]
fn nothing_is_left_undone() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ign", "ore"), concat!("unimpl", "emented!"), concat!("to", "do!(")];
    none(files("", &[".rs", ".sh", ".py", ".toml", ".yaml", ".json", ".md"]).into_iter().flat_map(|path| {
        let text = read(&path);
        // A test that another test starts as a process of its own is run, though not by the harness.
        marks.iter().filter(|mark| text.contains(**mark)).map(|mark| format!("{path}: contains {mark}")).collect::<Vec<_>>()
    }));
}

#[test]
fn nothing_knows_the_machine_that_it_was_written_on() {
    let homes = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    none(files("", &[".rs", ".sh", ".py", ".toml", ".yaml", ".json", ".md"]).into_iter().flat_map(|path| {
        let text = read(&path);
        homes.iter().filter(|home| text.contains(**home)).map(|home| format!("{path}: contains {home}")).collect::<Vec<_>>()
    }));
}

#[test]
fn no_plan_and_no_recovery_point_knows_of_exports() {
    let all = ["shared/domain/src", "functions"].into_iter().flat_map(|folder| files(folder, &[".rs"]));
    let names = |path: &String| read(path).contains("ExportRecord") || read(path).contains("KeptExport");
    let found: BTreeSet<String> = all.filter(names).filter(|path| !path.starts_with("shared/domain/src/exports/")).collect();
    // Who looks after them, who tells a person of them, and where they lie: none of these plans, acts or validates.
    let known = ["functions/restore/src/steps/exports.rs", "functions/snapshot/src/exports.rs", "shared/domain/src/ledger.rs"];
    assert_eq!(found, known.map(str::to_owned).into());
    let makes = |path: &String| read(path).contains("RecoveryPoint {") || read(path).contains("UsablePoint");
    let of_exports = files("", &[".rs"]).into_iter().filter(|path| found.contains(path) || path.starts_with("shared/domain/src/exports/"));
    none(of_exports.filter(makes).map(|path| format!("{path} makes a recovery point")));
}

#[test]
fn there_are_at_most_five_integration_test_binaries() {
    let named = read("tests/Cargo.toml").matches("[[test]]").count();
    let elsewhere: Vec<String> = files("", &[".rs"])
        .into_iter()
        .filter(|path| {
            let parts: Vec<&str> = path.rsplit('/').collect();
            let is_direct = matches!(parts.as_slice(), [_, "tests", package, ..] if *package != "src");
            let package = path.split("/tests/").next().unwrap_or_default();
            is_direct && crate::repo::root().join(package).join("Cargo.toml").exists() && package != "tests"
        })
        .collect();
    assert!(named + elsewhere.len() <= 5, "{named} in tests/Cargo.toml, elsewhere {elsewhere:?}");
}
