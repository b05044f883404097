//! What a layer around the services sees of the other end of a connection, plain and over TLS.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Layer, Service};

use super::*;
use crate::config::TlsFiles;

#[path = "../../../tests/support/certificates.rs"]
mod certificates_of_tests;

use certificates_of_tests::{Authority, write};

/// Keeps the peer of each request.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Peer>>>);

#[derive(Clone)]
struct Seeing<S>(S, Seen);

impl<S> Layer<S> for Seen {
    type Service = Seeing<S>;

    fn layer(&self, inner: S) -> Seeing<S> {
        Seeing(inner, self.clone())
    }
}

impl<S> Service<Request<Body>> for Seeing<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let peer = request.extensions().get::<Peer>().expect("each request has one").clone();
        self.1.0.lock().unwrap().push(peer);
        self.0.call(request)
    }
}

/// Makes two calls on one connection, and gives the peers that were seen.
async fn peers_of(certificates: Option<Certificates>, tls: Option<ClientTlsConfig>) -> Vec<Peer> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = watch::Sender::new(Limits::default()).subscribe();
    let (mut beside, seen) = (JoinSet::new(), Seen::default());
    let incoming = Front::new(listener, limits, certificates).open(&mut beside);
    let (_, health) = tonic_health::server::health_reporter();
    let server = http2::bounded(Server::builder(), 16).layer(seen.clone()).add_service(health);
    tokio::spawn(async move { server.serve_with_incoming(incoming).await });
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).unwrap();
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls).unwrap();
    }
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    for _ in 0..2 {
        client.check(HealthCheckRequest::default()).await.unwrap();
    }
    std::mem::take(&mut *seen.0.lock().unwrap())
}

#[tokio::test]
async fn each_request_says_who_is_at_the_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new("all");
    let (cert, key) = authority.server(&["127.0.0.1"]).write(at, "server");
    let ca = write(at, "ca.pem", &authority.pem());
    let files = TlsFiles { cert, key, client_ca: Some(ca), peer_ca: None };
    let certificates = Certificates::load(&files).unwrap();
    let here = Peer { address: "127.0.0.1".parse().ok(), ..Peer::default() };

    assert_eq!(peers_of(None, None).await, [here.clone(), here.clone()]);

    let believing = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let unnamed = peers_of(Some(certificates.clone()), Some(believing.clone())).await;
    let here = Peer { tls: true, ..here };
    assert_eq!(unnamed, [here.clone(), here.clone()]);

    let pair = authority.client("spiffe://acme/baton/web");
    let named = believing.identity(Identity::from_pem(pair.cert, pair.key));
    let named = peers_of(Some(certificates), Some(named)).await;
    let shown: Vec<_> = named.iter().filter_map(|peer| peer.certificate.as_ref()).collect();
    assert_eq!(shown[0].uris, ["spiffe://acme/baton/web"]);
    assert!(shown[0].expires > SystemTime::now());
    assert!(Arc::ptr_eq(shown[0], shown[1]), "it is read once per connection");
    assert_eq!(Peer { certificate: None, ..named[0].clone() }, here);
}

#[test]
fn what_plain_callers_are_told_is_two_whole_frames() {
    let goaway = &TELL_PLAIN_CALLERS[9..];
    assert_eq!(goaway.len(), 9 + usize::from(goaway[2]), "its length is the one in its head");
    assert_eq!(&goaway[9 + 4..9 + 8], &[0, 0, 0, 0xc], "INADEQUATE_SECURITY");
}

#[tokio::test]
async fn a_preface_is_all_of_its_bytes_and_nothing_else() {
    assert!(preface(&mut &PREFACE[..]).await.is_ok());
    assert!(preface(&mut &PREFACE[..23]).await.is_err(), "it ends too soon");
    let other = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(preface(&mut &other[..]).await.is_err());
    let (mut near, mut far) = tokio::io::duplex(64);
    near.write_all(b"PRI * HTTP/1").await.unwrap();
    assert!(preface(&mut far).await.is_err(), "the rest isn't waited for");
}
