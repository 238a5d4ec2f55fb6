//! Which steps this deployed function may take: one binary is deployed as several functions with different roles.

use lifeboat_domain::DrError;

/// The steps of `LIFEBOAT_STEPS`: `plan,check` are taken here; `act@restore-act` says which function takes `act`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    here: Vec<String>,
    elsewhere: Vec<(String, String)>,
}

impl Steps {
    /// Reads the comma list.
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = Self { here: Vec::new(), elsewhere: Vec::new() };
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.split_once('@') {
                Some((step, function)) => steps.elsewhere.push((step.to_owned(), function.to_owned())),
                None => steps.here.push(entry.to_owned()),
            }
        }
        steps
    }

    /// Whether `function` may take `step`; the refusal says who may.
    pub(crate) fn allow(&self, function: &str, step: &str) -> Result<(), DrError> {
        if self.here.iter().any(|here| here == step) {
            return Ok(());
        }
        let here = if self.here.is_empty() { "no step at all".to_owned() } else { self.here.join(", ") };
        let lifted = self.elsewhere.iter().find(|(elsewhere, _)| elsewhere == step).map_or_else(
            || format!("call the function whose LIFEBOAT_STEPS lists {step}"),
            |(_, other)| format!("call {other}, which takes {step}"),
        );
        Err(DrError::refused(format!("{function} may not take the step {step}: it takes {here}; {lifted}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::ErrorName;

    #[test]
    fn a_step_of_another_function_is_refused_with_its_name() {
        let steps = Steps::parse("plan, check ,act@restore-act");
        assert!(steps.allow("restore-plan", "plan").is_ok());
        assert!(steps.allow("restore-plan", "check").is_ok());
        let error = steps.allow("restore-plan", "act").unwrap_err();
        assert_eq!(error.name(), ErrorName::Refused);
        assert_eq!(error.message(), "restore-plan may not take the step act: it takes plan, check; call restore-act, which takes act");
        let error = steps.allow("restore-plan", "undo").unwrap_err();
        assert!(error.message().ends_with("call the function whose LIFEBOAT_STEPS lists undo"), "{error}");
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        assert_eq!(Steps::parse(" ,").allow("notify", "start").unwrap_err().name(), ErrorName::Refused);
    }
}
