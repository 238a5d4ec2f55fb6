//! What a kept database costs: prices as the owner writes them into the policies, since AWS's price list lives in one Region only.

use crate::error::DrError;
use crate::observed::{Configuration, MemberConfiguration};
use crate::span::Span;
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
    /// Of one GiB for a month, by storage type, or by the class of a table; Multi-AZ counts twice.
    pub storage_gib_month: BTreeMap<String, String>,
}

/// An amount of money in the currency of the prices, in millionths of its unit: never a float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money(u64);

impl Money {
    /// What is accepted, in words.
    pub const ACCEPTED: &'static str = "a decimal in quotes with at most six places, such as \"12.50\"";

    /// Reads `12.50`.
    pub fn parse(field: &str, text: &str) -> Result<Self, DrError> {
        millionths(text).map(Self).ok_or_else(|| DrError::invalid(field, format!("{text:?}"), Self::ACCEPTED))
    }

    /// What something costs for a while that costs this in an hour; a part of a millionth counts as one.
    pub fn hourly_for(self, span: Span) -> Self {
        let all = u128::from(self.0) * u128::from(span.as_secs());
        Self(u64::try_from(all.div_ceil(3600)).unwrap_or(u64::MAX))
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::fmt::Display for Money {
    /// In hundredths, rounded up: a cost is never told too low.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = self.0.div_ceil(MILLIONTHS / 100);
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

impl TryFrom<String> for Money {
    type Error = DrError;
    fn try_from(text: String) -> Result<Self, DrError> {
        Self::parse("money", &text)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        format!("{}.{:06}", money.0 / MILLIONTHS, money.0 % MILLIONTHS)
    }
}

/// The class of a table whose class DynamoDB does not name, under which the price of its storage stands.
const STANDARD_TABLE: &str = "STANDARD";
/// AWS counts a month as so many hours.
const HOURS: u64 = 730;
/// Prices are kept in millionths.
const MILLIONTHS: u64 = 1_000_000;

impl Prices {
    /// What an instance like this costs in a month, as text such as `136.42 USD`; none if one of its prices is not known.
    /// Of an Aurora cluster without its volume, which is billed by what it holds; of a Multi-AZ DB cluster three instances, each with
    /// its own volume; of a table its items, by its class, and neither capacity nor point-in-time recovery.
    pub fn month(&self, configuration: &Configuration) -> Option<String> {
        if let Some(cluster) = configuration.cluster().filter(|_| configuration.class.is_empty()) {
            let hour = |member: &MemberConfiguration| millionths(self.instance_hour.get(&member.class)?);
            let hours = cluster.members.iter().try_fold(0_u64, |sum, member| sum.checked_add(hour(member)?))?;
            return Some(self.shown(hours.checked_mul(HOURS)?));
        }
        if let Some(table) = configuration.table() {
            let class = table.table_class.as_deref().unwrap_or(STANDARD_TABLE);
            let gib = millionths(self.storage_gib_month.get(class)?)?;
            return Some(self.shown(gib.checked_mul(u64::try_from(configuration.allocated_storage?).ok()?)?));
        }
        let hour = millionths(self.instance_hour.get(&configuration.class)?)?;
        let gib = millionths(self.storage_gib_month.get(configuration.storage_type.as_deref()?)?)?;
        let size = u64::try_from(configuration.allocated_storage?).ok()?;
        let one = hour.checked_mul(HOURS)?.checked_add(gib.checked_mul(size)?)?;
        let times = match (configuration.cluster(), configuration.multi_az) {
            (Some(_), _) => 3,
            (None, true) => 2,
            (None, false) => 1,
        };
        Some(self.shown(one.checked_mul(times)?))
    }

    fn shown(&self, all: u64) -> String {
        let hundredths = (all + MILLIONTHS / 200) / (MILLIONTHS / 100);
        format!("{}.{:02} {}", hundredths / 100, hundredths % 100, self.currency())
    }

    /// What an instance like this costs in an hour, with its volume; an error names the price that is not known.
    pub fn hour(&self, configuration: &Configuration) -> Result<Money, String> {
        let (class, storage) = (&configuration.class, configuration.storage_type.as_deref().unwrap_or("unknown"));
        let known = |table: &str, prices: &BTreeMap<String, String>, name: &str| {
            prices.get(name).and_then(|price| millionths(price)).ok_or_else(|| format!("prices.{table}.{name}"))
        };
        let hour = known("instance_hour", &self.instance_hour, class)?;
        let gib = known("storage_gib_month", &self.storage_gib_month, storage)?;
        let size = configuration.allocated_storage.and_then(|size| u64::try_from(size).ok());
        let volume = gib.saturating_mul(size.ok_or("the size of the volume")?).div_ceil(HOURS);
        Ok(Money(hour.saturating_add(volume).saturating_mul(if configuration.multi_az { 2 } else { 1 })))
    }

    /// The currency, for messages.
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or("USD")
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
    fn an_hour_has_its_part_of_the_volume_and_a_missing_price_is_named() {
        let hour = prices().hour(&database(false)).unwrap();
        assert_eq!(String::from(hour), "0.173754", "0.158 and a 730th of 11.50");
        assert_eq!(hour.hourly_for(Span::minutes(90)).to_string(), "0.27");
        assert_eq!(prices().hour(&database(true)).unwrap().to_string(), "0.35");
        let unknown = Configuration { class: "db.x2g.large".to_owned(), ..database(false) };
        assert_eq!(prices().hour(&unknown).unwrap_err(), "prices.instance_hour.db.x2g.large");
        let unknown = Configuration { storage_type: Some("io2".to_owned()), ..database(false) };
        assert_eq!(prices().hour(&unknown).unwrap_err(), "prices.storage_gib_month.io2");
        assert!(Money::parse("cost_at_most", "5 USD").unwrap_err().to_string().contains("cost_at_most"));
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
