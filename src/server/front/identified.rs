//! Which client certificates are taken: those that a client CA of ours has signed for clients, that are in date, and that
//! name somebody in a URI. What the name means is none of its business: `authenticate` reads it from the `Peer`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::access::peer::PeerCertificate;

/// Takes what `.0` takes, if it also names somebody. A certificate without a URI would identify nobody, and its owner
/// would learn that only from calls that are refused for no visible reason.
#[derive(Debug)]
pub(super) struct IdentifiedClients(pub(super) Arc<dyn ClientCertVerifier>);

/// A client certificate names nobody.
#[derive(Debug, thiserror::Error)]
#[error("the client's certificate has no URI among its subject's alternative names")]
struct Nameless;

impl ClientCertVerifier for IdentifiedClients {
    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        match certificate_of(end_entity) {
            Some(certificate) if !certificate.uris.is_empty() => Ok(verified),
            _ => Err(CertificateError::Other(OtherError(Arc::new(Nameless))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What a certificate says about its holder. `None`: it can't be read.
pub(super) fn certificate_of(der: &CertificateDer<'_>) -> Option<PeerCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let uris = names.filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(PeerCertificate { uris: uris.collect(), expires })
}
