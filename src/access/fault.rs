//! Why a credential isn't believed: one value for each reason, for the log and the counters of whoever runs the server. A
//! caller is told of four kinds only (`Told`), so that who guesses learns nothing.

/// Why a credential isn't believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "docs/access.md says of each name what it means")]
pub enum Fault {
    Missing,
    Malformed,
    TooLarge,
    Ambiguous,
    UnknownKey,
    WrongSecret,
    RevokedKey,
    Expired,
    NotYetValid,
    UnknownIssuer,
    UnknownSigningKey,
    WrongAlgorithm,
    WrongSignature,
    WrongType,
    WrongAudience,
    MissingClaim,
    BadClaim,
    LivesTooLong,
    CriticalExtension,
    RevokedToken,
    OrgNotAllowed,
    RoleNotAllowed,
    ActorNotAllowed,
    ScopeNotAllowed,
    UnknownCertificate,
    RevokedCertificate,
    OrgNotNamed,
    OrgMismatch,
}

/// What a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// There is none: give one.
    NoCredential,
    /// It isn't accepted; nothing is said of why.
    NotAccepted,
    /// It was good and has expired: get another. Said only of one whose signature or secret is right.
    Expired,
    /// It is good for several orgs, or not for the one that was named: name one of its own. Said only of one that is right.
    Org,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::Missing,
        Self::Malformed,
        Self::TooLarge,
        Self::Ambiguous,
        Self::UnknownKey,
        Self::WrongSecret,
        Self::RevokedKey,
        Self::Expired,
        Self::NotYetValid,
        Self::UnknownIssuer,
        Self::UnknownSigningKey,
        Self::WrongAlgorithm,
        Self::WrongSignature,
        Self::WrongType,
        Self::WrongAudience,
        Self::MissingClaim,
        Self::BadClaim,
        Self::LivesTooLong,
        Self::CriticalExtension,
        Self::RevokedToken,
        Self::OrgNotAllowed,
        Self::RoleNotAllowed,
        Self::ActorNotAllowed,
        Self::ScopeNotAllowed,
        Self::UnknownCertificate,
        Self::RevokedCertificate,
        Self::OrgNotNamed,
        Self::OrgMismatch,
    ];

    /// Its name in the log and in the figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Ambiguous => "ambiguous",
            Self::UnknownKey => "unknown_key",
            Self::WrongSecret => "wrong_secret",
            Self::RevokedKey => "revoked_key",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownSigningKey => "unknown_signing_key",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongSignature => "wrong_signature",
            Self::WrongType => "wrong_type",
            Self::WrongAudience => "wrong_audience",
            Self::MissingClaim => "missing_claim",
            Self::BadClaim => "bad_claim",
            Self::LivesTooLong => "lives_too_long",
            Self::CriticalExtension => "critical_extension",
            Self::RevokedToken => "revoked_token",
            Self::OrgNotAllowed => "org_not_allowed",
            Self::RoleNotAllowed => "role_not_allowed",
            Self::ActorNotAllowed => "actor_not_allowed",
            Self::ScopeNotAllowed => "scope_not_allowed",
            Self::UnknownCertificate => "unknown_certificate",
            Self::RevokedCertificate => "revoked_certificate",
            Self::OrgNotNamed => "org_not_named",
            Self::OrgMismatch => "org_mismatch",
        }
    }

    /// What the caller is told.
    #[must_use]
    pub const fn told(self) -> Told {
        match self {
            Self::Missing => Told::NoCredential,
            Self::Expired => Told::Expired,
            Self::OrgNotNamed | Self::OrgMismatch => Told::Org,
            Self::Malformed
            | Self::TooLarge
            | Self::Ambiguous
            | Self::UnknownKey
            | Self::WrongSecret
            | Self::RevokedKey
            | Self::NotYetValid
            | Self::UnknownIssuer
            | Self::UnknownSigningKey
            | Self::WrongAlgorithm
            | Self::WrongSignature
            | Self::WrongType
            | Self::WrongAudience
            | Self::MissingClaim
            | Self::BadClaim
            | Self::LivesTooLong
            | Self::CriticalExtension
            | Self::RevokedToken
            | Self::OrgNotAllowed
            | Self::RoleNotAllowed
            | Self::ActorNotAllowed
            | Self::ScopeNotAllowed
            | Self::UnknownCertificate
            | Self::RevokedCertificate => Told::NotAccepted,
        }
    }
}
