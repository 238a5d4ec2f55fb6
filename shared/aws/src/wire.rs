//! For tests: answers from a script, and what was really sent.

use crate::Clients;
use crate::clients::{common, retries};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use std::collections::BTreeMap;
use std::time::Duration;

/// A service that gives these answers, in this order.
pub(crate) struct Wire(StaticReplayClient);

impl Wire {
    /// Status and body of each answer.
    pub(crate) fn answering(answers: &[(u16, &str)]) -> Self {
        let plain: Vec<_> = answers.iter().map(|(status, body)| (*status, *body, None)).collect();
        Self::answering_with(&plain)
    }

    /// Status and body of each answer, with the error code of those services that name it in a header.
    pub(crate) fn answering_with(answers: &[(u16, &str, Option<&'static str>)]) -> Self {
        let answer = |(status, body, code): &(u16, &str, Option<&'static str>)| {
            let mut response = HttpResponse::new((*status).try_into().unwrap(), SdkBody::from(*body));
            code.iter().for_each(|code| drop(response.headers_mut().insert("x-amzn-errortype", *code)));
            response.headers_mut().insert("x-amzn-requestid", "request-4711");
            ReplayEvent::new(HttpRequest::new(SdkBody::empty()), response)
        };
        Self(StaticReplayClient::new(answers.iter().map(answer).collect()))
    }

    /// The transport to it.
    pub(crate) fn transport(&self) -> StaticReplayClient {
        self.0.clone()
    }

    /// Our clients, talking to it.
    pub(crate) async fn clients(&self) -> Clients {
        clients(self.transport()).await
    }

    /// How many requests arrived.
    pub(crate) fn count(&self) -> usize {
        self.0.actual_requests().count()
    }

    /// Method and address of each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.actual_requests().map(|request| format!("{} {}", request.method(), request.uri())).collect()
    }

    /// A header of each request.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        self.0.actual_requests().map(|request| request.headers().get(name).unwrap_or_default().to_owned()).collect()
    }

    /// The body of each request.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.0.actual_requests().map(|request| String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap()).collect()
    }

    /// The body of each request as JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// The parameters of each request, for the services that take forms.
    pub(crate) fn forms(&self) -> Vec<BTreeMap<String, String>> {
        let field = |pair: &str| pair.split_once('=').map(|(name, value)| (unescape(name), unescape(value))).unwrap();
        let form = |body: &String| body.split('&').map(field).filter(|(name, _)| name != "Version").collect();
        self.bodies().iter().map(form).collect()
    }

    /// The parameters of the only request.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let mut forms = self.forms();
        assert_eq!(forms.len(), 1, "one request is expected: {forms:?}");
        forms.remove(0)
    }
}

/// Our clients over any transport.
pub(crate) async fn clients(http: impl HttpClient + 'static) -> Clients {
    Clients::of(config(http).await)
}

/// Our configuration, without pauses between attempts.
pub(crate) async fn config(http: impl HttpClient + 'static) -> SdkConfig {
    common(http)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "not-a-secret", None, None, "test"))
        .retry_config(retries().with_initial_backoff(Duration::ZERO))
        .load()
        .await
}

/// A form of these fields.
pub(crate) fn form(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// RDS's and SNS's form of an error.
pub(crate) fn error_xml(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
}

/// The error of the services that speak JSON.
pub(crate) fn error_json(code: &str, message: &str) -> String {
    serde_json::json!({"__type": format!("com.amazonaws.any#{code}"), "message": message}).to_string()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |rest: &mut std::str::Bytes<'_>| [rest.next().unwrap(), rest.next().unwrap()];
        match byte {
            b'%' => bytes.push(u8::from_str_radix(std::str::from_utf8(&hex(&mut rest)).unwrap(), 16).unwrap()),
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}
