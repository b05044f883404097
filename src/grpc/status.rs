//! The only place where a refusal becomes a gRPC status. Each carries `google.rpc.ErrorInfo` with
//! the reason's name, the domain `baton` and what it concerns; bad fields, what is in use, when to
//! retry and which limit was met stand in the details made for them (D1). There is no wildcard arm.
//!
//! | code | reasons | safe to repeat |
//! |---|---|---|
//! | INVALID_ARGUMENT | INVALID_FIELD, REQUEST_ID_REUSED, INVALID_TOKEN | no: correct it first |
//! | NOT_FOUND | NOT_FOUND | it won't help |
//! | PERMISSION_DENIED | PERMISSION_DENIED | it won't help |
//! | UNAUTHENTICATED | UNAUTHENTICATED, CREDENTIAL_EXPIRED | with another credential |
//! | FAILED_PRECONDITION | every other reason of the domain | once the state has changed |
//! | ABORTED | CONTENDED | yes, best with the same request id |
//! | RESOURCE_EXHAUSTED | OVERLOADED, LIMIT_EXCEEDED | yes, after the delay given |
//! | UNAVAILABLE | STORE_UNAVAILABLE, TIMED_OUT, REVISION_NOT_REACHED | yes, after the delay given |
//! | UNAVAILABLE | ORG_UNREADABLE | yes, after the delay given; an operator has to look |
//! | UNAVAILABLE | OUTCOME_UNKNOWN, the request had an id | yes, with the same request id |
//! | UNKNOWN | OUTCOME_UNKNOWN, the request had none | **no**: it may happen twice |
//! | UNIMPLEMENTED | NOT_IMPLEMENTED | it won't help |
//! | OUT_OF_RANGE | RESUME_NOT_POSSIBLE | without the token |
//! | INTERNAL | INTERNAL | with the same request id |

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::call_id;
use crate::access::Scope;
use crate::domain::rejection::{BadField, Reason, Rejection};
use crate::engine::Refusal;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "baton";

/// The most that the bad fields of a status take. With the message, which may stand there twice, and what it
/// concerns, its details stay below 4 KiB: default clients refuse larger trailers (D1).
const FIELDS_BYTES: usize = 3_000;
/// What a bad field takes beside its text.
const FIELD_BYTES: usize = 12;

/// The most of a message that a status carries.
const MESSAGE_BYTES: usize = 512;
/// The most of a value that says what a refusal concerns.
const VALUE_BYTES: usize = 160;

/// Why a call isn't answered as asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// These fields are wrong, all of them (D1).
    Invalid(Vec<BadField>),
    /// A resume token or page token that Baton didn't make, or not for this request.
    BadToken {
        /// The field it came in.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The changes after the token are gone, and the resume policy is STRICT.
    ResumeNotPossible,
    /// The caller doesn't say who it is in a way that can be understood.
    Unauthenticated(String),
    /// The credential isn't believed; of why nothing is said.
    NotAccepted,
    /// The credential was good and has expired (W10).
    CredentialExpired,
    /// The role may not make this call (S1).
    Denied(String),
    /// The credential hasn't got the scope that this needs (S4).
    MissingScope(Scope),
    /// A limit of `access::limits` is met.
    Limit {
        /// Its name.
        limit: &'static str,
        /// How much it allows.
        most: u32,
        /// When to come back.
        wait: Duration,
    },
    /// The message is larger than a limit of `access::limits` allows.
    TooLarge {
        /// Its name.
        limit: &'static str,
        /// How many KiB it allows.
        most: u32,
    },
    /// The domain says no.
    Rejected(Rejection),
    /// The engine didn't do it; and whether the request carried a request id.
    Refused(Refusal, Repeat),
    /// Baton's own fault.
    Internal(&'static str),
}

/// Whether a request can be recognised when it is repeated (T21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It has a request id, or changes nothing.
    Safe,
    /// It has none and would be done a second time.
    Unsafe,
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Invalid(fields) => of_rejection(&Rejection::invalid(fields)),
            Problem::BadToken { field, why } => {
                let message = format!("{field} {why}; begin without one");
                plain(Code::InvalidArgument, "INVALID_TOKEN", message, [("field", field.into())])
            }
            Problem::ResumeNotPossible => plain(
                Code::OutOfRange,
                "RESUME_NOT_POSSIBLE",
                "the changes after the resume token are no longer kept; begin without one",
                [],
            ),
            // Not RESOURCE_EXHAUSTED: it never helps to send the same again, however much later.
            Problem::Unauthenticated(why) => {
                plain(Code::Unauthenticated, "UNAUTHENTICATED", why, [])
            }
            Problem::NotAccepted => {
                let why = "the credential isn't accepted";
                plain(Code::Unauthenticated, "UNAUTHENTICATED", why, [])
            }
            Problem::CredentialExpired => {
                let why = "the credential has expired: get another";
                plain(Code::Unauthenticated, "CREDENTIAL_EXPIRED", why, [])
            }
            Problem::MissingScope(scope) => {
                let why = format!("the credential hasn't got the scope {}", scope.name());
                let about = [("scope", scope.name().to_owned())];
                plain(Code::PermissionDenied, "PERMISSION_DENIED", why, about)
            }
            Problem::TooLarge { limit, most } => {
                let text = format!("the message is larger than the limit {limit} ({most} KiB)");
                let about = [("limit", limit.to_owned()), ("allowed", most.to_string())];
                let mut details = info("LIMIT_EXCEEDED", about);
                details.add_quota_failure_violation(limit, text.as_str());
                Status::with_error_details(Code::ResourceExhausted, text, details)
            }
            Problem::Limit { limit, most, wait } => of_limit(limit, most, wait),
            Problem::Denied(why) => plain(Code::PermissionDenied, "PERMISSION_DENIED", why, []),
            Problem::Rejected(rejection) => of_rejection(&rejection),
            Problem::Refused(refusal, repeat) => of_refusal(&refusal, repeat),
            Problem::Internal(why) => {
                tracing::error!(why, "a call failed through a fault of the server");
                plain(Code::Internal, "INTERNAL", "a fault of the server, which has logged it", [])
            }
        }
    }
}

fn of_limit(limit: &str, most: u32, wait: Duration) -> Status {
    let text = format!("the limit {limit} ({most}) is met: nothing was done");
    let about = [("limit", limit.to_owned()), ("allowed", most.to_string())];
    let mut details = info("LIMIT_EXCEEDED", about);
    details.add_quota_failure_violation(limit, text.as_str());
    details.set_retry_info(Some(jittered(wait)));
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

fn of_refusal(refusal: &Refusal, repeat: Repeat) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::Rejected(rejection) => of_rejection(rejection),
        Refusal::RequestIdReused => plain(Code::InvalidArgument, "REQUEST_ID_REUSED", text, []),
        Refusal::Contended { attempts } => {
            plain(Code::Aborted, "CONTENDED", text, [("attempts", attempts.to_string())])
        }
        Refusal::Overloaded { limit } => {
            let mut details = info("OVERLOADED", [("limit", limit.to_string())]);
            details.add_quota_failure_violation("org", text.as_str());
            details.set_retry_info(Some(jittered(Duration::from_millis(100))));
            Status::with_error_details(Code::ResourceExhausted, text, details)
        }
        Refusal::Unavailable { retry_after } => {
            later(Code::Unavailable, "STORE_UNAVAILABLE", text, *retry_after, [])
        }
        Refusal::Unreadable { retry_after } => {
            later(Code::Unavailable, "ORG_UNREADABLE", text, *retry_after, [])
        }
        Refusal::TimedOut { retry_after } => {
            later(Code::Unavailable, "TIMED_OUT", text, *retry_after, [])
        }
        Refusal::Unknown { retry_after } => {
            let code = match repeat {
                Repeat::Safe => Code::Unavailable,
                Repeat::Unsafe => Code::Unknown,
            };
            later(code, "OUTCOME_UNKNOWN", text, *retry_after, [])
        }
        Refusal::Behind { wanted, reached } => {
            let about = [("revision", reached.to_string()), ("wanted", wanted.to_string())];
            let wait = Duration::from_millis(100);
            later(Code::Unavailable, "REVISION_NOT_REACHED", text, wait, about)
        }
        Refusal::Closing => {
            later(Code::Unavailable, "STORE_UNAVAILABLE", text, Duration::from_millis(500), [])
        }
    }
}

fn of_rejection(rejection: &Rejection) -> Status {
    let name = rejection.reason.name();
    let own = [("kind", rejection.kind.to_string()), ("id", rejection.id.clone())];
    let more = rejection.details.about.iter().map(|(key, value)| (key.as_ref(), value.clone()));
    let named = named_fields(&rejection.details.fields);
    let left_out = rejection.details.fields.len() - named.len();
    let unnamed = (left_out > 0).then(|| ("more", left_out.to_string()));
    let mut details = info(name, own.into_iter().chain(more).chain(unnamed));
    for field in named {
        details.add_bad_request_violation(field.field.as_str(), field.why.as_str());
    }
    let code = code_of(rejection.reason);
    let message = bounded(&rejection.message, left_out);
    let subject = cut(&format!("{}/{}", rejection.kind, rejection.id), VALUE_BYTES);
    if code == Code::FailedPrecondition {
        details.add_precondition_failure_violation(name, subject.as_str(), message.as_str());
    }
    if code == Code::ResourceExhausted {
        details.add_quota_failure_violation(subject.as_str(), message.as_str());
    }
    if let Some(span) = rejection.retry_after {
        let wait = Duration::from_millis(span.as_ms().unsigned_abs());
        details.set_retry_info(Some(jittered(wait)));
    }
    Status::with_error_details(code, message, details)
}

/// The bad fields that fit: a status travels in a header, and clients take 16 KiB of them.
fn named_fields(fields: &[BadField]) -> &[BadField] {
    let mut bytes = 0;
    let fitting = fields.iter().take_while(|field| {
        bytes += field.field.len() + field.why.len() + FIELD_BYTES;
        bytes <= FIELDS_BYTES
    });
    &fields[..fitting.count()]
}

/// A message that fits, with how many bad fields aren't named.
fn bounded(message: &str, left_out: usize) -> String {
    let mut text = cut(message, MESSAGE_BYTES);
    if left_out > 0 {
        text = format!("{text} and {left_out} more");
    }
    text
}

/// Text of at most so many bytes, and a sign where some are left out.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or_default()])
}

const fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::InvalidField => Code::InvalidArgument,
        Reason::NotFound => Code::NotFound,
        Reason::PermissionDenied => Code::PermissionDenied,
        Reason::NotImplemented => Code::Unimplemented,
        Reason::LimitExceeded => Code::ResourceExhausted,
        Reason::TransferNotDeclinable
        | Reason::DirectToRepRoutingDisabled
        | Reason::MissingPermission
        | Reason::MissingLicence
        | Reason::ChannelNotTransferable
        | Reason::RecipientNotAllowed
        | Reason::SelfTransfer
        | Reason::TransferInProgress
        | Reason::TransferLimitReached
        | Reason::NotOwner
        | Reason::RecipientOffline
        | Reason::RecipientBusy
        | Reason::RecipientDisconnected
        | Reason::RecipientFinishing
        | Reason::DirectoryChangePending
        | Reason::RecipientNotOnlineForChannel
        | Reason::RecipientFull
        | Reason::SessionNotActive
        | Reason::SessionEnded
        | Reason::TransferFinal
        | Reason::WorkNotOffered
        | Reason::WorkEnded
        | Reason::StatusNotAllowed
        | Reason::PresenceSuperseded
        | Reason::PresenceClosed
        | Reason::DeclineNotAllowed
        | Reason::WrongState
        | Reason::QueueNotForChannel
        | Reason::NotQueueMember
        | Reason::MissingSkill
        | Reason::ExternalContactNotAvailable
        | Reason::HandoffExpired
        | Reason::ClaimedByAnother
        | Reason::PartnerAway
        | Reason::NotAllowedByPartner
        | Reason::SyncDeletesTooMany
        | Reason::InUse => Code::FailedPrecondition,
    }
}

fn info<'k>(reason: &str, about: impl IntoIterator<Item = (&'k str, String)>) -> ErrorDetails {
    let metadata: HashMap<String, String> = about
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), cut(&value, VALUE_BYTES)))
        .collect();
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    if let Some(id) = call_id::current() {
        details.set_request_info(&*id, "");
    }
    details
}

fn plain<const N: usize>(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    about: [(&str, String); N],
) -> Status {
    Status::with_error_details(code, message, info(reason, about))
}

fn later<const N: usize>(
    code: Code,
    reason: &str,
    message: String,
    wait: Duration,
    about: [(&str, String); N],
) -> Status {
    let mut details = info(reason, about);
    details.set_retry_info(Some(jittered(wait)));
    Status::with_error_details(code, message, details)
}

/// Up to half as long again, at random: those who were refused together don't come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_when_to_try_again_is_spread_and_never_earlier_than_said() {
        let wait = Duration::from_secs(3);
        let told = |_| {
            let refusal = Refusal::Unavailable { retry_after: wait };
            let status = Status::from(Problem::Refused(refusal, Repeat::Safe));
            status.get_details_retry_info().and_then(|info| info.retry_delay).expect("it is told")
        };
        let told: Vec<Duration> = (0..50).map(told).collect();
        assert!(told.iter().all(|told| (wait..=wait * 3 / 2).contains(told)), "{told:?}");
        let (least, most) = (told.iter().min(), told.iter().max());
        assert!(most > least.map(|least| *least + Duration::from_millis(500)).as_ref(), "{told:?}");
    }

    #[test]
    fn d1_details_stay_below_4_kib_whatever_is_wrong() {
        let field =
            |n: usize| BadField { field: format!("reps[{n}].profile"), why: "é".repeat(40) };
        let long = |reason| {
            let message = "ü".repeat(5_000);
            let refused = Rejection::new(reason, "session", "x".repeat(2_000), message);
            refused.with("rep", "y".repeat(500)).with("licence", "z".repeat(500))
        };
        let refusals = [
            Rejection::invalid((0..3_000).map(field).collect()),
            long(Reason::InUse),
            long(Reason::LimitExceeded),
            long(Reason::NotFound),
        ];
        for refusal in refusals {
            let status = Status::from(Problem::Rejected(refusal));
            assert!(status.details().len() < 4_096, "{} bytes", status.details().len());
            assert!(status.message().len() < 1_024, "{}", status.message());
        }
        let status = Status::from(Problem::Invalid((0..3_000).map(field).collect()));
        let named = status.get_details_bad_request().expect("bad fields").field_violations.len();
        assert!(named > 10, "{named}");
        assert!(status.message().ends_with(&format!("and {} more", 3_000 - named)), "{status}");
        let about = status.get_details_error_info().expect("a reason").metadata;
        assert_eq!(about["more"], (3_000 - named).to_string());
    }

    #[test]
    fn d1_an_unknown_outcome_is_retryable_only_with_a_request_id() {
        let unknown = Refusal::Unknown { retry_after: Duration::from_secs(1) };
        let with = Status::from(Problem::Refused(unknown.clone(), Repeat::Safe));
        let without = Status::from(Problem::Refused(unknown, Repeat::Unsafe));
        assert_eq!(with.code(), Code::Unavailable);
        assert_eq!(without.code(), Code::Unknown);
        assert_eq!(with.get_details_error_info().map(|i| i.reason), Some("OUTCOME_UNKNOWN".into()));
    }

    #[test]
    fn d1_every_bad_field_is_named() {
        let fields = vec![
            BadField { field: "a".into(), why: "is empty".into() },
            BadField { field: "b[2]".into(), why: "is too long".into() },
        ];
        let status = Status::from(Problem::Invalid(fields));
        assert_eq!(status.code(), Code::InvalidArgument);
        let named = status.get_details_bad_request().map(|b| b.field_violations.len());
        assert_eq!(named, Some(2));
    }
}
