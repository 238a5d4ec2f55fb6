//! What a kept database costs: prices as the owner writes them into the policies, since AWS's price list lives in one Region only.

use crate::error::DrError;
use crate::observed::Configuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Prices by the hour and by the GiB and month, as decimal texts: money is never a float.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// The currency, for messages.
    pub currency: Option<String>,
    /// Of one instance for an hour, by instance class; Multi-AZ counts twice.
    pub instance_hour: BTreeMap<String, String>,
    /// Of one GiB for a month, by storage type; Multi-AZ counts twice.
    pub storage_gib_month: BTreeMap<String, String>,
}

/// AWS counts a month as so many hours.
const HOURS: u64 = 730;
/// Prices are kept in millionths.
const MILLIONTHS: u64 = 1_000_000;

impl Prices {
    /// What an instance like this costs in a month, as text such as `136.42 USD`; none if one of its prices is not known.
    pub fn month(&self, configuration: &Configuration) -> Option<String> {
        let hour = millionths(self.instance_hour.get(&configuration.class)?)?;
        let gib = millionths(self.storage_gib_month.get(configuration.storage_type.as_deref()?)?)?;
        let size = u64::try_from(configuration.allocated_storage?).ok()?;
        let one = hour.checked_mul(HOURS)?.checked_add(gib.checked_mul(size)?)?;
        let all = one.checked_mul(if configuration.multi_az { 2 } else { 1 })?;
        let hundredths = (all + MILLIONTHS / 200) / (MILLIONTHS / 100);
        Some(format!("{}.{:02} {}", hundredths / 100, hundredths % 100, self.currency.as_deref().unwrap_or("USD")))
    }

    /// Checks that every price is one.
    pub(crate) fn check(&self) -> Result<(), DrError> {
        let all = self
            .instance_hour
            .iter()
            .map(|price| ("instance_hour", price))
            .chain(self.storage_gib_month.iter().map(|price| ("storage_gib_month", price)));
        for (table, (name, price)) in all {
            if millionths(price).is_none() {
                let field = format!("prices.{table}.{name}");
                return Err(DrError::invalid(
                    &field,
                    format!("{price:?}"),
                    "a decimal in quotes with at most six places, such as \"0.158\"",
                ));
            }
        }
        Ok(())
    }
}

/// Reads `0.158` as 158 000.
fn millionths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(MILLIONTHS)?.checked_add(format!("{part:0<6}").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices() -> Prices {
        Prices {
            currency: None,
            instance_hour: [("db.m6g.large".to_owned(), "0.158".to_owned())].into(),
            storage_gib_month: [("gp3".to_owned(), "0.115".to_owned())].into(),
        }
    }

    fn database(multi_az: bool) -> Configuration {
        let (class, storage_type, allocated_storage) = ("db.m6g.large".to_owned(), Some("gp3".to_owned()), Some(100));
        Configuration { class, storage_type, allocated_storage, multi_az, ..Configuration::default() }
    }

    #[test]
    fn a_month_is_730_hours_and_the_volume_twice_where_it_is_multi_az() {
        assert_eq!(prices().month(&database(false)).as_deref(), Some("126.84 USD"));
        assert_eq!(prices().month(&database(true)).as_deref(), Some("253.68 USD"));
        let unknown = Configuration { class: "db.x2g.large".to_owned(), ..database(false) };
        assert_eq!(prices().month(&unknown), None, "a price that nobody wrote down is not guessed");
    }

    #[test]
    fn what_is_no_decimal_is_refused_by_field() {
        for wrong in ["0,158", "-1", "", ".", "1e3", "0.1234567"] {
            let mut prices = prices();
            prices.instance_hour.insert("db.m6g.large".to_owned(), wrong.to_owned());
            let error = prices.check().unwrap_err().to_string();
            assert!(error.contains("prices.instance_hour.db.m6g.large") && error.contains("0.158"), "{error}");
        }
    }
}
