//! Calls by their names alone: any method of the API, with bytes for a message, and what comes of it.

use std::time::Duration;

use baton::pb;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// How long anything that is waited for may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Every method of the public API.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(pb::DESCRIPTORS).expect("the build wrote them");
    let ours = pool.services().filter(|service| service.package_name() == "baton.v1");
    let methods: Vec<_> = ours.flat_map(|s| s.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() > 80, "{} methods", methods.len());
    methods
}

/// The name of a method in the table: `WorkService/ListWork`.
pub fn name_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// Where a method is called.
pub fn path_of(method: &MethodDescriptor) -> PathAndQuery {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    path.parse().expect("a path")
}

/// Bytes as they are.
#[derive(Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(into, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; prost::bytes::Buf::remaining(from)];
        prost::bytes::Buf::copy_to_slice(from, &mut bytes);
        Ok(Some(bytes))
    }
}

/// Somebody who calls anything.
#[derive(Clone)]
pub struct RawCaller {
    channel: Channel,
    credential: String,
    org: Option<String>,
}

impl RawCaller {
    /// Who shows this credential at this address.
    pub fn new(address: std::net::SocketAddr, credential: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect_lazy();
        Self { channel, credential: credential.to_owned(), org: None }
    }

    /// The same, naming an org.
    pub fn naming(&self, org: &str) -> Self {
        Self { org: Some(org.to_owned()), ..self.clone() }
    }

    /// The same with another credential.
    pub fn showing(&self, credential: &str) -> Self {
        Self { credential: credential.to_owned(), ..self.clone() }
    }

    /// Calls; a stream's answer is its first message.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        tokio::time::timeout(DEADLINE, self.answer(method, message)).await.expect("it answers")
    }

    async fn answer(&self, method: &MethodDescriptor, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        if !self.credential.is_empty() {
            let bearer = format!("Bearer {}", self.credential);
            metadata.insert("authorization", bearer.parse().expect("printable"));
        }
        if let Some(org) = &self.org {
            metadata.insert("baton-org", org.parse().expect("printable"));
        }
        let path = path_of(method);
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.expect("it connects");
        if !method.is_server_streaming() {
            return Ok(grpc.unary(request, path, Raw).await?.into_inner());
        }
        let mut stream = grpc.server_streaming(request, path, Raw).await?.into_inner();
        Ok(stream.message().await?.unwrap_or_default())
    }
}

/// What a refusal says to programs.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Was it refused for who calls, and not for what is asked?
pub fn is_denied(answer: &Result<Vec<u8>, Status>) -> bool {
    matches!(answer, Err(status) if matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated))
}
