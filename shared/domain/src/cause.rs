//! Causes of failures, as state machines pass them on.

use serde::Deserialize;

/// What the Lambda runtime writes into the cause of a failed Task.
#[derive(Deserialize)]
struct RuntimeCause {
    #[serde(rename = "errorMessage")]
    message: String,
}

/// What a cause says, for a person: the message of the runtime's JSON, or the text as it is (a time-out, a machine's own words).
pub fn plain(cause: &str) -> String {
    serde_json::from_str::<RuntimeCause>(cause).map_or_else(|_| cause.to_owned(), |cause| cause.message)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_runtimes_json_is_unpacked_and_everything_else_is_left_as_it_is() {
        let json = r#"{"errorType": "Dr.Refused", "errorMessage": "a \"quota\" is full", "stackTrace": []}"#;
        assert_eq!(plain(json), "a \"quota\" is full");
        for text in ["the lease is held", "", "{\"error\": 1}", "[1]"] {
            assert_eq!(plain(text), text);
        }
    }
}
