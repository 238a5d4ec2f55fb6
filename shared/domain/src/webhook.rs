//! Signed webhooks: what is posted, and how its receiver knows that it comes from here and is fresh.

use crate::ids::{Identity, IncidentId, digest};
use crate::incident::Incident;
use crate::ports::Secret;
use crate::words::{Timestamp, show_time};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

/// The same delivery again has the same id: a receiver that has seen it answers 200 and does nothing.
pub const DELIVERY: &str = "Lifeboat-Delivery";
/// When it was signed, in seconds since 1970: a receiver refuses what is older than five minutes.
pub const TIMESTAMP: &str = "Lifeboat-Timestamp";
/// `v1=` and the HMAC-SHA256, in hexadecimal digits, of the timestamp, a dot and the body, under the key of the policy's secret.
pub const SIGNATURE: &str = "Lifeboat-Signature";

/// The body, as JSON.
#[derive(Debug, Clone, Serialize)]
struct Body<'a> {
    /// The format of the body; 1.
    version: u32,
    /// What has happened: clients were moved.
    event: &'static str,
    delivery: &'a str,
    resource: &'a Identity,
    incident: &'a IncidentId,
    /// The instance that serves now.
    instance: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<u16>,
    at: String,
}

/// A request that is ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// The id of the delivery to the webhook called `name`: the same for every sending of one incident.
pub fn delivery_id(incident: &IncidentId, name: &str) -> String {
    digest(&["webhook", incident.as_str(), name])
}

/// Says to the webhook called `name` that the clients of `incident` were moved.
pub fn cut_over(incident: &Incident, name: &str, key: &Secret, at: Timestamp) -> Result<Signed, crate::DrError> {
    let delivery = delivery_id(&incident.id, name);
    let serves = incident.restored.as_ref();
    let endpoint = serves.and_then(|serves| serves.endpoint.as_ref());
    let body = Body {
        version: 1,
        event: "cut_over",
        delivery: &delivery,
        resource: &incident.resource,
        incident: &incident.id,
        instance: serves.map(|serves| serves.id.as_str()),
        host: endpoint.map(|endpoint| endpoint.host.as_str()),
        port: endpoint.map(|endpoint| endpoint.port),
        at: show_time(at),
    };
    let body = serde_json::to_string(&body)
        .map_err(|error| crate::DrError::unrecoverable("a webhook's body cannot be written as JSON").because(error))?;
    let timestamp = at.timestamp().to_string();
    let headers = [
        ("Content-Type", "application/json".to_owned()),
        (DELIVERY, delivery.clone()),
        (SIGNATURE, signature(key, &timestamp, &body)),
        (TIMESTAMP, timestamp),
    ];
    Ok(Signed { headers: headers.map(|(name, value)| (name.to_owned(), value)).into(), body })
}

/// The value of the header [`SIGNATURE`].
pub fn signature(key: &Secret, timestamp: &str, body: &str) -> String {
    // A key of any length will do for HMAC, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_any_other_implementation() {
        // printf '1768471200.{}' | openssl dgst -sha256 -hmac 'a key'
        let signed = signature(&Secret::new("a key".to_owned()), "1768471200", "{}");
        assert_eq!(signed, "v1=d0f258ff069f827e529f324a813a9a7ab183c90a1bdc0276dbb57a30fffcba3e");
    }

    #[test]
    fn the_same_delivery_has_the_same_id_and_a_fresh_signature() {
        let incident = crate::samples::incident();
        let key = Secret::new("a key".to_owned());
        let [one, two] =
            ["2026-01-15T10:00:00Z", "2026-01-15T10:00:01Z"].map(|at| cut_over(&incident, "rollout", &key, at.parse().unwrap()).unwrap());
        let header = |signed: &Signed, name: &str| signed.headers.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(header(&one, DELIVERY), header(&two, DELIVERY));
        assert_ne!(header(&one, SIGNATURE), header(&two, SIGNATURE));
        assert_ne!(header(&one, DELIVERY), delivery_id(&incident.id, "another"));
        assert_eq!(header(&one, SIGNATURE), signature(&key, &header(&one, TIMESTAMP), &one.body));
        assert!(!one.body.contains("a key"));
    }
}
