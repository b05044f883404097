//! The baseline: a bare tonic echo, the least that any gRPC server in Rust does for a call.
//!
//! It answers with a message of the size that the request asks for, encodes and decodes with the same codec as Baton,
//! and isn't part of the API: it exists only inside a bench.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::client::Failure;
use crate::output;
use crate::pb;

/// A message that is nothing but text: `id` says how long an answer is wanted, `name` is padding.
type Padding = pb::Skill;
type Codec = ProstCodec<Padding, Padding>;

const PATH: &str = "/bench.Echo/Echo";

#[derive(Clone, Copy, Debug)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl UnaryService<Padding> for Echo {
    type Response = Padding;
    type Future = Ready<Result<Response<Padding>, Status>>;

    fn call(&mut self, request: Request<Padding>) -> Self::Future {
        // Bounded, as anyone could call.
        let wanted = request.into_inner().id.parse::<usize>().unwrap_or(0).min(65_536);
        ready(Ok(Response::new(Padding { id: String::new(), name: "x".repeat(wanted) })))
    }
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Codec::default()).unary(Echo, request).await) })
    }
}

/// Serves the echo on a port of its own, for as long as the process lives.
pub async fn serve() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the echo")?;
    let address = listener.local_addr().context("no port for the echo")?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(async move {
        if let Err(error) = Server::builder().add_service(Echo).serve_with_incoming(incoming).await
        {
            output::note(&format!("the echo broke down: {error}"));
        }
    });
    Ok(address)
}

/// `bench --serve-echo`: says where, and serves until it is killed.
pub async fn serve_for_another() -> anyhow::Result<()> {
    let address = serve().await?;
    output::raw(&format!("{address}\n"));
    crate::launch::interrupted().await
}

/// An echo in a process of its own; killed when dropped.
#[derive(Debug)]
pub struct EchoProcess(Child);

impl Drop for EchoProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl EchoProcess {
    /// Starts this program again as an echo.
    pub fn start() -> anyhow::Result<(Self, SocketAddr)> {
        use std::io::BufRead as _;
        let program =
            std::env::current_exe().context("can't find this program to start the echo")?;
        let mut child = Command::new(program)
            .args(["bench", "--serve-echo"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start the echo")?;
        let stdout = child.stdout.take().context("the echo has no output")?;
        let process = Self(child);
        let mut line = String::new();
        std::io::BufReader::new(stdout).read_line(&mut line).context("the echo said nothing")?;
        let address = line.trim().parse().context("the echo didn't say where it listens")?;
        Ok((process, address))
    }
}

/// A client of the echo.
#[derive(Clone, Debug)]
pub struct EchoClient {
    channel: Channel,
    request: Padding,
}

impl EchoClient {
    /// A connection of its own, with requests and answers of these sizes in bytes.
    pub fn new(address: SocketAddr, request: usize, response: usize) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        let id = response.saturating_sub(3).to_string();
        // Tags and lengths of the two fields take about five bytes.
        let name = "x".repeat(request.saturating_sub(id.len() + 5));
        Ok(Self { channel: endpoint.connect_lazy(), request: Padding { id, name } })
    }

    /// One call, with the metadata that Baton's clients send.
    pub async fn call(&self, message: Padding) -> Result<Padding, Failure> {
        let mut request = Request::new(message);
        for (key, value) in [("baton-org", "bench-0123456789abcdef"), ("baton-role", "admin")] {
            request.metadata_mut().insert(key, value.parse().expect("printable ASCII"));
        }
        request.set_timeout(std::time::Duration::from_secs(5));
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        let ready = grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()));
        let answer = match ready {
            Ok(()) => grpc.unary(request, PathAndQuery::from_static(PATH), Codec::default()).await,
            Err(status) => Err(status),
        };
        answer.map(Response::into_inner).map_err(|status| Failure::of(&status, "the echo"))
    }

    /// The message that it sends.
    pub fn message(&self) -> Padding {
        self.request.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[tokio::test]
    async fn the_echo_answers_with_the_sizes_asked_for() {
        let client = EchoClient::new(serve().await.unwrap(), 150, 400).unwrap();
        assert!(client.message().encoded_len().abs_diff(150) <= 3);
        let answer = client.call(client.message()).await.unwrap();
        assert!(answer.encoded_len().abs_diff(400) <= 3, "{}", answer.encoded_len());
    }
}
