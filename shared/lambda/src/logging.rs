//! Logs: one JSON object a line, on standard output.

use tracing_subscriber::EnvFilter;

/// The variable with the log level.
const LEVEL: &str = "LIFEBOAT_LOG";

/// What is accepted as a level.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Libraries that print whole requests, with their secrets, at `debug` or `trace`: never below `info`.
const WORDY: [&str; 9] = ["aws_config", "aws_runtime", "aws_sdk", "aws_sigv4", "aws_smithy", "lambda_runtime", "hyper", "h2", "rustls"];

/// Sends the log to standard output as JSON, at the level of `LIFEBOAT_LOG` (default `info`). A second call does nothing.
pub fn init_logging() {
    let level = std::env::var(LEVEL).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stdout)
        .with_env_filter(EnvFilter::new(filter(&level)));
    let already_set = subscriber.finish();
    // Only tests call this twice; the first subscriber is as good as the second.
    let _ = tracing::subscriber::set_global_default(already_set);
}

/// The filter of a level: ours as asked, the wordy libraries at `warn`.
fn filter(level: &str) -> String {
    let level = level.to_ascii_lowercase();
    let level = if LEVELS.contains(&level.as_str()) { level.as_str() } else { "info" };
    let libraries = if level == "off" || level == "error" { level } else { "warn" };
    // The runtime would log each error again, with its sources.
    WORDY.iter().fold(format!("{level},lambda_runtime::layers=off"), |filter, name| format!("{filter},{name}={libraries}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_makes_a_library_print_requests() {
        for level in ["trace", "DEBUG", "info", "aws_smithy_runtime=trace", ""] {
            let filter = filter(level);
            assert!(filter.contains("aws_smithy=warn") && filter.contains("lambda_runtime=warn"), "{level}: {filter}");
            assert!(!filter.contains("=trace"), "{level}: {filter}");
        }
    }

    #[test]
    fn only_levels_are_accepted() {
        assert!(filter("debug").starts_with("debug,"));
        assert!(filter("loud").starts_with("info,"));
        assert!(filter("off").contains("hyper=off"));
    }
}
