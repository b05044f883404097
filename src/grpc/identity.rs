//! IdentityService: who the caller is taken for (S4). It loads no org and asks no store.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::Api;
use super::to_proto;
use crate::access::{Orgs, Origin};
use crate::pb;
use crate::pb::identity_service_server::IdentityService;

/// The service.
pub struct Identities(pub Arc<Api>);

#[tonic::async_trait]
impl IdentityService for Identities {
    async fn who_am_i(
        &self,
        request: Request<pb::WhoAmIRequest>,
    ) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let (caller, _) = self.0.admit("IdentityService/WhoAmI", request)?;
        let credential = &caller.credential;
        let (orgs, any_org) = match &credential.orgs {
            Orgs::These(orgs) => (orgs.iter().map(ToString::to_string).collect(), false),
            Orgs::Any => (Vec::new(), true),
        };
        let kind = match credential.origin {
            Origin::ApiKey(_) => pb::CredentialKind::ApiKey,
            Origin::Token { .. } => pb::CredentialKind::Token,
            Origin::Certificate(_) => pb::CredentialKind::Certificate,
            Origin::Claims => pb::CredentialKind::Claims,
            Origin::Server => pb::CredentialKind::Unspecified,
        };
        let narrowing = credential.narrowing.as_deref().cloned().unwrap_or_default();
        Ok(Response::new(pb::WhoAmIResponse {
            org: caller.org.to_string(),
            orgs,
            any_org,
            actor: Some(to_proto::actor(&caller.actor)),
            kind: kind.into(),
            credential: credential.name.to_string(),
            delegate: credential.delegate.as_deref().unwrap_or_default().to_owned(),
            scopes: credential.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
            queues: narrowing.queues.iter().map(ToString::to_string).collect(),
            channels: narrowing.channels.iter().map(ToString::to_string).collect(),
            expire_time: credential.expires.map(Into::into),
        }))
    }
}
