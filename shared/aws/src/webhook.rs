//! Webhooks: one POST over verified TLS. Nothing is followed, and nothing is read of the answer but its status.

use crate::classify::invalid;
use crate::clients::{CONNECT, WEBHOOK};
use aws_config::SdkConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use lifeboat_domain::ports::{Answer, CallWebhooks};
use lifeboat_domain::{CallClass, CallError};

const POST: &str = "https:POST";

/// Calls webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    http: SharedHttpConnector,
}

impl Webhooks {
    /// With the time-outs of this project, and the configuration's sleep.
    pub fn new(config: &SdkConfig) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(WEBHOOK).build();
        let mut builder = Connector::builder();
        builder.set_sleep_impl(config.sleep_impl()).set_connector_settings(Some(settings));
        let connector = builder.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build();
        Self { http: SharedHttpConnector::new(connector) }
    }

    #[cfg(test)]
    fn over(connector: impl HttpConnector + 'static) -> Self {
        Self { http: SharedHttpConnector::new(connector) }
    }
}

impl CallWebhooks for Webhooks {
    async fn post_webhook(&self, url: &str, headers: &[(String, String)], body: &str) -> Answer<()> {
        if !url.starts_with("https://") {
            return Err(invalid(POST, "url", format!("{url}: only https is called")));
        }
        let mut request = HttpRequest::new(SdkBody::from(body));
        let wrong = |error: &dyn std::fmt::Display| invalid(POST, "request", format!("{url}: {error}"));
        request.set_method("POST").map_err(|error| wrong(&error))?;
        request.set_uri(url).map_err(|error| wrong(&error))?;
        for (name, value) in headers {
            request.headers_mut().try_insert(name.to_ascii_lowercase(), value.clone()).map_err(|error| wrong(&error))?;
        }
        request.headers_mut().insert("content-length", body.len().to_string());
        let answer = self.http.call(request).await;
        let answer =
            answer.map_err(|error| CallError::new(CallClass::Unknown, POST, "dispatch", format!("{url}: it may have arrived: {error}")))?;
        let status = answer.status().as_u16();
        let class = match status {
            200..=299 => return Ok(()),
            401 | 403 => CallClass::Denied,
            404 | 410 => CallClass::NotFound,
            409 | 425 => CallClass::WrongState,
            429 => CallClass::Throttled,
            408 | 500.. => CallClass::Unknown,
            _ => CallClass::Invalid,
        };
        Err(CallError::new(class, POST, format!("HTTP {status}"), url.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_posted_with_its_headers_as_they_are() {
        let wire = Wire::answering(&[(204, "")]);
        let headers = [("Lifeboat-Signature".to_owned(), "v1=00".to_owned()), ("Content-Type".to_owned(), "application/json".to_owned())];
        Webhooks::over(wire.transport()).post_webhook("https://rollout.example.com/orders?x=1", &headers, "{\"a\":1}").await.unwrap();
        assert_eq!(wire.lines(), ["POST https://rollout.example.com/orders?x=1"]);
        assert_eq!(wire.bodies(), ["{\"a\":1}"]);
        assert_eq!(
            (wire.headers("lifeboat-signature"), wire.headers("content-type")),
            (vec!["v1=00".to_owned()], vec!["application/json".to_owned()])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_told_apart_by_what_can_be_done_about_it_and_no_redirect_is_followed() {
        let table = [
            (302, CallClass::Invalid),
            (400, CallClass::Invalid),
            (401, CallClass::Denied),
            (404, CallClass::NotFound),
            (409, CallClass::WrongState),
            (429, CallClass::Throttled),
            (503, CallClass::Unknown),
        ];
        for (status, class) in table {
            let wire = Wire::answering(&[(status, "the body is not read")]);
            let error = Webhooks::over(wire.transport()).post_webhook("https://rollout.example.com", &[], "{}").await.unwrap_err();
            assert_eq!((error.class, wire.count()), (class, 1), "{error}");
            assert!(!error.to_string().contains("the body"), "{error}");
        }
        let wire = Wire::answering(&[(200, "")]);
        let error = Webhooks::over(wire.transport()).post_webhook("http://rollout.example.com", &[], "{}").await.unwrap_err();
        assert_eq!((error.class, wire.count()), (CallClass::Invalid, 0));
    }
}
