//! Small things about text: one line, plain ASCII where a channel asks for it, lengths, and what must never be shown.

/// What SNS takes for a subject: fewer than 100 characters.
pub(crate) const MOST_SUBJECT: usize = 99;
/// What fits in one SMS, with some room.
pub(crate) const MOST_SHORT: usize = 140;
/// Texts from outside (causes of errors) are cut here.
const MOST_FOREIGN: usize = 900;

/// Ends a text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { text } else { format!("{text}.") }
}

/// Control characters and line breaks become single spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text in ASCII: SNS refuses other subjects, and one other letter halves an SMS.
pub(crate) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '\u{2010}'..='\u{2015}' => plain.push('-'),
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            '\u{2026}' => plain.push_str("..."),
            c if c.is_ascii() => plain.push(c),
            _ => plain.push('?'),
        }
    }
    plain
}

/// At most `most` characters; what is cut is marked.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// One, or many: `1 row`, `2 rows`.
pub(crate) fn count(number: impl TryInto<i64>, one: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(number) => format!("{number} {one}s"),
        Err(_) => format!("very many {one}s"),
    }
}

/// A text that others wrote, fit to be shown: one line, not endless, and without what looks like a credential.
///
/// Our own texts never hold secrets; this is the second line of defence for messages of drivers and services.
pub(crate) fn foreign(text: &str) -> String {
    clip(&without_credentials(&one_line(text)), MOST_FOREIGN)
}

fn without_credentials(text: &str) -> String {
    let mut shown = Vec::new();
    let mut hide_next = false;
    for word in text.split(' ') {
        let lower = word.to_ascii_lowercase();
        if hide_next && !matches!(lower.as_str(), "=" | ":" | "is") {
            shown.push("***".to_owned());
            hide_next = false;
            continue;
        }
        let named = ["password", "passwd", "pwd", "secretstring", "sessiontoken"]
            .iter()
            .find_map(|name| lower.find(name).map(|at| at + name.len()));
        match named {
            Some(end) => match word.get(end..).and_then(|rest| rest.find(['=', ':'])) {
                Some(sign) => {
                    let keep = word.get(..=end + sign).unwrap_or_default();
                    hide_next = keep.len() == word.len();
                    shown.push(if hide_next { word.to_owned() } else { format!("{keep}***") });
                }
                None => {
                    // "password for user x" is prose; "password = x" is not.
                    shown.push(word.to_owned());
                    hide_next = false;
                }
            },
            None if word == "=" && shown.last().is_some_and(|last| last.to_ascii_lowercase().contains("password")) => {
                hide_next = true;
                shown.push(word.to_owned());
            }
            None => shown.push(without_user_info(word)),
        }
    }
    shown.join(" ")
}

/// `postgres://user:secret@host/db` without `user:secret`.
fn without_user_info(word: &str) -> String {
    match word.split_once("://").and_then(|(scheme, rest)| rest.rsplit_once('@').map(|(_, host)| (scheme, host))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_ascii_and_cut_with_a_mark() {
        assert_eq!(one_line(" a\nb\r\n\tc\u{7} d "), "a b c d");
        assert_eq!(ascii("it\u{2019}s \u{201c}gone\u{201d} \u{2014} caf\u{e9}"), "it's \"gone\" - caf?");
        assert_eq!(clip("abcdefghij", 8), "abcde...");
        assert_eq!(clip("abcdefgh", 8), "abcdefgh");
        assert_eq!(sentence("RDS reports failed"), "RDS reports failed.");
        assert_eq!((count(1, "row"), count(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
    }

    #[test]
    fn what_looks_like_a_credential_is_not_shown() {
        for text in [
            "cannot connect: host=db password=hunter2 user=app",
            "cannot connect: {\"password\":\"hunter2\"}",
            "cannot connect to postgres://app:hunter2@db:5432/orders",
            "cannot connect, password = hunter2",
            "MasterUserPassword: hunter2",
        ] {
            assert!(!foreign(text).contains("hunter2"), "{}", foreign(text));
        }
        assert_eq!(foreign("password authentication failed for user app"), "password authentication failed for user app");
    }
}
