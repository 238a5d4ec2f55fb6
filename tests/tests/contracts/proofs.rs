//! Who takes a person's word only from a running execution must be allowed to ask Step Functions about executions of that machine.

use crate::repo::{files, none, read};
use crate::template::template;
use serde_json::Value;

/// The machines that a function's sources prove an order by.
fn machines_proven_by(binary: &str) -> Vec<String> {
    let sources = files(&format!("functions/{binary}/src"), &[".rs"]).into_iter().filter(|path| !path.contains("tests"));
    let text: String = sources.map(|path| read(&path)).collect();
    let calls = text.split("prove(&deps.executions,").skip(1);
    calls.map(|rest| rest.split('"').nth(1).unwrap_or_else(|| panic!("{binary}: no machine is named: {rest}")).to_owned()).collect()
}

/// What the role may describe executions of, as text.
fn describable(role: &str) -> String {
    let template = template();
    let policies = template["Resources"][role]["Properties"]["Policies"].as_array().unwrap().clone();
    let statements = policies.iter().filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array()).flatten();
    let asks = statements.filter(|statement| statement["Action"].to_string().contains("states:DescribeExecution"));
    asks.map(|statement: &Value| statement["Resource"].to_string()).collect()
}

#[test]
fn who_proves_an_order_by_its_execution_may_ask_after_executions_of_that_machine() {
    let proven = [("detect", "DetectRole"), ("restore", "RestoreReleaseRole")];
    let mut found = 0;
    none(
        proven
            .into_iter()
            .flat_map(|(binary, role)| machines_proven_by(binary).into_iter().map(move |machine| (machine, role)))
            .filter_map(|(machine, role)| {
                found += 1;
                let allowed = describable(role).contains(&format!("execution:${{AWS::StackName}}-{machine}:*"));
                (!allowed).then(|| format!("{role} may not ask after executions of {machine}, by which an order is proven"))
            }),
    );
    assert!(found >= 5, "approval, pause, bisect, salvage and release are proven");
}
