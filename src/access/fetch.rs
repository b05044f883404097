//! Fetching a key set from its URL: one GET over HTTP/1.1, with TLS unless it is loopback, no redirect, and only so much and
//! for so long. When it is fetched is `upkeep`'s business.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::jwks::{self, JWKS_MAX, KeySet};
use super::policy::Remote;

/// Fetches a key set.
///
/// # Errors
/// Why there is none, for the log.
pub async fn fetch(remote: &Remote, give_up: Duration) -> Result<KeySet, String> {
    let asked = tokio::time::timeout(give_up, ask(remote)).await;
    let body = asked.map_err(|_| format!("no answer within {} s", give_up.as_secs()))??;
    jwks::read(&body).map_err(|why| format!("the answer {why}"))
}

async fn ask(remote: &Remote) -> Result<Bytes, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(remote.ca.as_deref())?)
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    let request = Request::get(&remote.url)
        .header("accept", "application/jwk-set+json, application/json")
        .body(Empty::new())
        .map_err(|why| why.to_string())?;
    let answer = client.request(request).await.map_err(|why| causes(&why))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), JWKS_MAX).collect().await;
    body.map(|body| body.to_bytes()).map_err(|why| causes(why.as_ref()))
}

fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?;
    let builder = match ca {
        None => builder.with_native_roots().map_err(|why| why.to_string())?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|why| why.to_string())?;
                roots.add(certificate).map_err(|why| why.to_string())?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}

/// An error with what led to it: the outermost one says little.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
