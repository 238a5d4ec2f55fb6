//! The little HTTP that is needed: a listener whose handler may also give no answer at all, and a client.

use std::future::Future;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// The largest request that is read.
const LARGEST: usize = 4 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The connection ends without an answer.
#[derive(Debug, Clone, Copy)]
pub struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer, on purpose")
    }
}

impl std::error::Error for NoAnswer {}

/// Answers every request with `answer`; a request that can't be read gets none.
pub async fn serve<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Request<Bytes>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<Response<Bytes>, NoAnswer>> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = Limited::new(body, LARGEST).collect().await.map_err(|_| NoAnswer)?.to_bytes();
                answer(Request::from_parts(head, body)).await.map(|response| response.map(Full::new))
            }
        });
        tokio::spawn(async move {
            // An error is a client that went away, or an answer that is withheld on purpose.
            if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}

/// Sends a request to `http://host:port` and reads the whole answer.
///
/// # Errors
/// The other side is not there, does not answer in time, or does not speak HTTP.
pub async fn send(base: &str, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
    let exchange = async {
        let address = base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/');
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let response = sender.send_request(request.map(Full::new)).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(io::Error::from)?
}

/// An answer.
pub fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
