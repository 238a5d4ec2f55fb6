//! The repository as its files.

use lifeboat_tests::asl::Machine;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a file holds, by its path from the root.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file under `folder` with one of these endings, by its path from the root; nothing that was built or installed.
pub fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let made = ["target", "build", "node_modules", "__pycache__"].contains(&name.as_str());
                let hidden = name.starts_with('.') && name != ".ci";
                if !made && !hidden {
                    open.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Every state machine.
pub fn machines() -> Vec<Machine> {
    let found: Vec<Machine> = files("statemachines", &[".asl.json"])
        .iter()
        .map(|path| Machine::load(&root().join(path)).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    assert!(found.len() >= 3, "recovery, backup and sweep are expected");
    found
}

/// Fails with one line for each complaint.
#[track_caller]
pub fn none(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}
