//! A Query request: `Action=..&VpcSecurityGroupIds.VpcSecurityGroupId.1=..`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lifeboat_testing::model::{ApiError, Filter, Secret, Tag};

/// The parameters of a call. Reading one removes it; what is left at the end was not understood.
#[derive(Debug, Default)]
pub struct Form {
    parameters: BTreeMap<String, String>,
}

impl Form {
    /// Reads a body, and a query string if there is one.
    pub fn parse(body: &[u8], query: Option<&str>) -> Self {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let parameters = query.chain(form_urlencoded::parse(body)).map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        Self { parameters }
    }

    /// What is to be done.
    pub fn action(&self) -> &str {
        self.parameters.get("Action").map(String::as_str).unwrap_or_default()
    }

    /// Whether it is about tags of something that the model does not have.
    pub fn names_foreign_resource(&self) -> bool {
        let kind = self.parameters.get("ResourceName").and_then(|arn| arn.split(':').nth(5));
        kind.is_some_and(|kind| !["db", "snapshot", "cluster", "cluster-snapshot"].contains(&kind))
    }

    /// Which API is spoken to.
    pub fn version(&self) -> &str {
        self.parameters.get("Version").map(String::as_str).unwrap_or_default()
    }

    /// A text that may be absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// A text that must be there.
    pub fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name).ok_or_else(|| ApiError::new("MissingParameter", format!("The request must contain the parameter {name}")))
    }

    /// A password.
    pub fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// A truth value.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.parsed(name, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// A number.
    pub fn number(&mut self, name: &str) -> Result<Option<i32>, ApiError> {
        self.parsed(name, "a number", |text| text.parse().ok())
    }

    /// A capacity in ACUs, as halves of one: `0.5` is 1.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    pub fn halves(&mut self, name: &str) -> Result<Option<u32>, ApiError> {
        let whole = |twice: f64| (twice.fract() == 0.0 && (0.0..=512.0).contains(&twice)).then_some(twice as u32);
        self.parsed(name, "a capacity from 0 to 256 in steps of 0.5", |text| whole(text.parse::<f64>().ok()? * 2.0))
    }

    /// Whether a parameter was given.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// A time.
    pub fn time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.parsed(name, "a time with its zone", |text| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
    }

    fn parsed<T>(&mut self, name: &str, kind: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = parse(&text).ok_or_else(|| ApiError::new("MalformedInput", format!("{name} must be {kind}, not {text:?}")))?;
        Ok(Some(value))
    }

    /// A list, `Name.Item.1`, `Name.member.1` or `Name.1`; `Name=` alone is an empty one.
    pub fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let members = self.members(name);
        if members.is_empty() {
            return self.text(name).map(|_| Vec::new());
        }
        Some(members.into_values().filter_map(|mut fields| fields.remove("")).collect())
    }

    /// `Tags.Tag.1.Key`, `Tags.Tag.1.Value`.
    pub fn tags(&mut self, name: &str) -> Option<Vec<Tag>> {
        let members = self.members(name);
        if members.is_empty() {
            return self.text(name).map(|_| Vec::new());
        }
        let mut tag = |mut fields: BTreeMap<String, String>| {
            Tag::new(fields.remove("Key").unwrap_or_default(), fields.remove("Value").unwrap_or_default())
        };
        Some(members.into_values().map(&mut tag).collect())
    }

    /// `Filters.Filter.1.Name`, `Filters.Filter.1.Values.Value.1`.
    pub fn filters(&mut self) -> Vec<Filter> {
        let filter = |mut fields: BTreeMap<String, String>| {
            let name = fields.remove("Name").unwrap_or_default();
            Filter { name, values: fields.into_values().collect() }
        };
        self.members("Filters").into_values().map(filter).collect()
    }

    /// A list of structures, each field by the path to it: `Name.Item.1.Some.Field`.
    pub fn structures(&mut self, name: &str) -> Vec<BTreeMap<String, String>> {
        self.members(name).into_values().collect()
    }

    /// Takes the members of a list out: number to field to value. The field of a plain value is empty.
    fn members(&mut self, name: &str) -> BTreeMap<u32, BTreeMap<String, String>> {
        let prefix = format!("{name}.");
        let keys: Vec<String> = self.parameters.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        let mut members: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        for key in keys {
            let mut parts = key.strip_prefix(&prefix).unwrap_or_default().splitn(3, '.');
            let first = parts.next().unwrap_or_default();
            // With or without the name of the item before the number.
            let (number, field) = match first.parse() {
                Ok(number) => (Ok(number), parts.collect::<Vec<_>>().join(".")),
                Err(_) => (parts.next().unwrap_or_default().parse(), parts.next().unwrap_or_default().to_owned()),
            };
            if let (Ok(number), Some(value)) = (number, self.parameters.remove(&key)) {
                members.entry(number).or_default().insert(field, value);
            }
        }
        members
    }

    /// Nothing may be left: a parameter that AWS knows and the model does not would silently do nothing.
    pub fn finish(&self) -> Result<(), ApiError> {
        match self.parameters.keys().find(|key| !matches!(key.as_str(), "Action" | "Version")) {
            None => Ok(()),
            Some(key) => {
                Err(ApiError::new("InvalidParameterValue", format!("The estate does not model the parameter {key} of {}.", self.action())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_any_name_of_their_items() {
        for body in ["G.VpcSecurityGroupId.1=sg-1&G.VpcSecurityGroupId.2=sg-2", "G.member.1=sg-1&G.member.2=sg-2", "G.1=sg-1&G.2=sg-2"] {
            let mut form = Form::parse(body.as_bytes(), None);
            assert_eq!(form.list("G").unwrap(), ["sg-1", "sg-2"], "{body}");
            assert!(form.finish().is_ok());
        }
    }

    #[test]
    fn an_empty_list_is_not_an_absent_one() {
        assert_eq!(Form::parse(b"Tags=", None).tags("Tags"), Some(Vec::new()));
        assert_eq!(Form::parse(b"", None).tags("Tags"), None);
    }

    #[test]
    fn tags_and_filters_are_read_in_order() {
        let body = b"Tags.Tag.2.Key=b&Tags.Tag.2.Value=2&Tags.Tag.1.Key=a&Tags.Tag.1.Value=1%20x\
            &Filters.Filter.1.Name=engine&Filters.Filter.1.Values.Value.1=postgres";
        let mut form = Form::parse(body, None);
        assert_eq!(form.tags("Tags").unwrap(), [Tag::new("a", "1 x"), Tag::new("b", "2")]);
        let filters = form.filters();
        assert_eq!((filters[0].name.as_str(), filters[0].values.as_slice()), ("engine", ["postgres".to_owned()].as_slice()));
    }

    #[test]
    fn a_parameter_that_the_model_does_not_know_is_refused_by_name() {
        let form = Form::parse(b"Action=CreateDBInstance&Domain=d-1", None);
        assert!(form.finish().unwrap_err().message.contains("Domain"));
    }

    #[test]
    fn a_time_without_a_zone_is_malformed() {
        let mut form = Form::parse(b"RestoreTime=2026-09-27T22:36:43", None);
        assert_eq!(form.time("RestoreTime").unwrap_err().code, "MalformedInput");
    }
}
