//! What a failed call says to a person: one line with the reason, the message and what can be done.
//!
//! It reads the `google.rpc` details that Baton's statuses carry (D1) and falls back to the bare status for whatever
//! else answered. It doesn't decide when to retry, only whether that is safe.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt as _};

use super::tls;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Said>);

/// What a failure says; boxed, as every call's result carries the room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    code: Code,
    reason: String,
    message: String,
    details: Vec<String>,
    fields: Vec<(String, String)>,
    metadata: BTreeMap<String, String>,
    advice: String,
    retry_after: Option<Duration>,
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure found before anything was sent.
    #[must_use]
    pub fn local(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self(Box::new(Said {
            code: Code::InvalidArgument,
            reason: String::new(),
            message: message.into(),
            details: Vec::new(),
            fields: Vec::new(),
            metadata: BTreeMap::new(),
            advice: advice.into(),
            retry_after: None,
        }))
    }

    /// What a status of `server` means.
    #[must_use]
    pub fn of(status: &Status, server: &str) -> Self {
        let explained = tls::explained(status, server);
        if let Some((message, advice, false)) = explained {
            return Self::local(message, advice);
        }
        let details = status.get_error_details();
        let (reason, metadata) = details.error_info().map_or_else(Default::default, |info| {
            (info.reason.clone(), info.metadata.clone().into_iter().collect::<BTreeMap<_, _>>())
        });
        let mut said: Vec<String> = Vec::new();
        let mut fields = Vec::new();
        if let Some(bad) = details.bad_request() {
            // What the message says already isn't said twice.
            let said_already = |v: &&FieldViolation| {
                status.message().contains(&format!("{} {}", v.field, v.description))
            };
            let left = bad.field_violations.iter().filter(|v| !said_already(v));
            said.extend(left.map(|v| format!("{}: {}", v.field, v.description)));
            let all = bad.field_violations.iter();
            fields.extend(all.map(|v| (v.field.clone(), v.description.clone())));
        }
        if let Some(precondition) = details.precondition_failure() {
            said.extend(
                precondition
                    .violations
                    .iter()
                    .filter(|v| v.description != status.message())
                    .map(|v| format!("{} {}: {}", v.r#type, v.subject, v.description)),
            );
        }
        if let Some(quota) = details.quota_failure() {
            let left = quota.violations.iter().filter(|v| v.description != status.message());
            said.extend(left.map(|v| format!("{}: {}", v.subject, v.description)));
        }
        if let Some(call) = details.request_info()
            && matches!(status.code(), Code::Internal | Code::Unknown)
        {
            said.push(format!("call {}", call.request_id));
        }
        let explained = explained.map(|(message, advice, _)| (message, advice));
        let (message, advice) = explained.unwrap_or_else(|| worded(status, server, &reason));
        Self(Box::new(Said {
            code: status.code(),
            reason,
            message,
            details: said,
            fields,
            metadata,
            advice: advice.to_owned(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }))
    }

    /// The same for a caller who showed a credential, or none: what can be done about one that is refused isn't the same.
    #[must_use]
    pub(super) fn for_one_who_showed(mut self, credential: bool) -> Self {
        if credential && self.0.reason == "UNAUTHENTICATED" {
            self.0.advice = refused(&self.0.message).to_owned();
        }
        self
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The stable reason, such as `NOT_OWNER`. Empty if the server gave none.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What the reason concerns.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// The bad fields that it names, each with what is wrong with it.
    #[must_use]
    pub fn bad_fields(&self) -> &[(String, String)] {
        &self.0.fields
    }

    /// How long the server asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same request may be sent again with the same request id and do good. What has no reason didn't come
    /// from Baton: a connection broke or a time-out passed.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self.0.reason.as_str() {
            "" => matches!(
                self.0.code,
                Code::Unavailable
                    | Code::Aborted
                    | Code::Unknown
                    | Code::Cancelled
                    | Code::DeadlineExceeded
                    | Code::Internal
            ),
            "OUTCOME_UNKNOWN" | "OVERLOADED" => true,
            _ => matches!(self.0.code, Code::Unavailable | Code::Aborted),
        }
    }

    /// What to count it under: the reason, or the code.
    #[must_use]
    pub fn label(&self) -> String {
        if self.0.reason.is_empty() { format!("{:?}", self.0.code) } else { self.0.reason.clone() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.reason.is_empty() {
            write!(f, "{}: ", self.0.reason)?;
        } else if !matches!(
            self.0.code,
            Code::InvalidArgument | Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded
        ) {
            write!(f, "{:?}: ", self.0.code)?;
        }
        f.write_str(&one_line(&self.0.message))?;
        if !self.0.details.is_empty() {
            write!(f, " [{}]", one_line(&self.0.details.join("; ")))?;
        }
        if let Some(after) = self.0.retry_after {
            write!(f, " [again in {:.1} s]", after.as_secs_f64())?;
        }
        if !self.0.advice.is_empty() {
            write!(f, " ({})", self.0.advice)?;
        }
        Ok(())
    }
}

/// Text that can't break out of its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A status in words, and what to do. One without a reason isn't Baton's.
fn worded(status: &Status, server: &str, reason: &str) -> (String, &'static str) {
    match status.code() {
        Code::Unavailable if reason.is_empty() => (
            format!("can't reach {server}: {}", root_cause(status)),
            "is it running? `baton dev` starts a server; --server or BATON_SERVER names another",
        ),
        Code::Cancelled | Code::DeadlineExceeded if reason.is_empty() => (
            format!("{server} didn't answer in time"),
            "it may have happened: look before you try again",
        ),
        _ => (status.message().to_owned(), advice(reason)),
    }
}

/// The innermost error, which says what went wrong; the outer ones say only that something did.
fn root_cause(status: &Status) -> String {
    let cause = std::error::Error::source(status);
    cause.map_or_else(|| status.message().to_owned(), innermost)
}

/// The innermost of an error's causes, or itself.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}

/// What can be done about a credential that was shown and refused, by what the server says of it.
fn refused(message: &str) -> &'static str {
    if message.contains("for one org") {
        "give --org one of the credential's"
    } else if message.contains("knows no credentials") {
        "do without --credential-file, BATON_CREDENTIAL and the context's credential: `baton context list` shows it"
    } else {
        "is it this server's, and whole? It may have been revoked: get another, and keep it where this one was"
    }
}

/// What a caller can do about a reason, as the API's `ErrorReason` says.
fn advice(reason: &str) -> &'static str {
    match reason {
        "INVALID_FIELD" => "correct these fields",
        "NOT_FOUND" => "check the id and --org; the `list` commands show what is there",
        "PERMISSION_DENIED" => {
            "`baton whoami` says whom the server takes you for; without a credential try --role or --as"
        }
        "UNAUTHENTICATED" => {
            "show a credential with --credential-file, BATON_CREDENTIAL or `baton context`; where callers are believed, say \
             who you are with --org, --role and --as"
        }
        "CREDENTIAL_EXPIRED" => "get another, and keep it where this one was",
        "TRANSFER_NOT_DECLINABLE" => "accept it, or go offline or busy",
        "DIRECT_TO_REP_ROUTING_DISABLED" => {
            "an admin can turn skills_based_and_direct_to_rep_routing on"
        }
        "MISSING_PERMISSION" | "MISSING_LICENCE" => "an admin can grant it in the directory",
        "EXTERNAL_CONTACT_NOT_AVAILABLE"
        | "RECIPIENT_NOT_ALLOWED"
        | "SELF_TRANSFER"
        | "RECIPIENT_OFFLINE"
        | "RECIPIENT_BUSY"
        | "RECIPIENT_NOT_ONLINE_FOR_CHANNEL" => "choose another: `recipients` shows who can be",
        "RECIPIENT_DISCONNECTED" => "choose another, or try again in a minute",
        "TRANSFER_IN_PROGRESS" => "follow that transfer: `transfers list`",
        "NOT_OWNER" => {
            "only the owner, a supervisor or an admin can: `sessions get` shows the owner"
        }
        "REQUEST_ID_REUSED" => "use a new request id",
        "SESSION_NOT_ACTIVE" => "resume it first: `session resume`",
        "SESSION_ENDED" | "TRANSFER_FINAL" | "WORK_ENDED" => "nothing is left to do",
        "WORK_NOT_OFFERED" => {
            "it isn't, or no longer, offered to this rep: `work list` shows what is"
        }
        "STATUS_NOT_ALLOWED" => "choose one of the profile's statuses",
        "PRESENCE_SUPERSEDED" => {
            "the rep signed in elsewhere; that presence is the one that counts"
        }
        "PRESENCE_CLOSED" => "sign in again: `online`",
        "DECLINE_NOT_ALLOWED" => "accept it",
        "WRONG_STATE" => "read it anew",
        "HANDOFF_EXPIRED" => "it is too late: take back what was begun for it",
        "CLAIMED_BY_ANOTHER" => "leave it to that worker, or give the worker's --reference",
        "PARTNER_AWAY" => "choose another recipient; `partners get` shows how it does",
        "NOT_ALLOWED_BY_PARTNER" => "a supervisor can: try --role supervisor",
        "SYNC_DELETES_TOO_MANY" => {
            "look whether the file is whole; --allow-mass-deletion says that it is"
        }
        "IN_USE" => "free it first; `apply --move-to QUEUE` moves what waits",
        "CONTENDED" => "try again",
        "OVERLOADED" | "STORE_UNAVAILABLE" | "REVISION_NOT_REACHED" | "TIMED_OUT" => {
            "try again in a moment"
        }
        "ORG_UNREADABLE" => "the server's log says what is wrong with this org, and what to do",
        "OUTCOME_UNKNOWN" => "it may have happened: look before you try again",
        "INVALID_TOKEN" | "RESUME_NOT_POSSIBLE" => "begin without the token",
        "INTERNAL" => "a fault of the server, which has logged it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn details_become_one_line_with_what_to_do() {
        let mut details = ErrorDetails::with_error_info(
            "INVALID_FIELD",
            "baton",
            [("kind".to_owned(), "rep".to_owned())],
        );
        details.set_bad_request(vec![
            FieldViolation::new("channel", "required"),
            FieldViolation::new("note", "over\n2 KiB"),
        ]);
        let status =
            Status::with_error_details(Code::InvalidArgument, "two fields are bad", details);
        let failure = Failure::of(&status, "http://x");
        assert_eq!(
            failure.to_string(),
            "INVALID_FIELD: two fields are bad [channel: required; note: over 2 KiB] (correct these fields)"
        );
        assert_eq!(failure.metadata()["kind"], "rep");
        assert!(!failure.may_retry());
    }

    #[test]
    fn d1_each_mistake_is_said_once_and_a_fault_with_the_name_of_the_call() {
        let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "baton", []);
        details.set_bad_request(vec![FieldViolation::new("note", "is too long")]);
        let status = Status::with_error_details(Code::InvalidArgument, "note is too long", details);
        let text = Failure::of(&status, "http://x").to_string();
        assert_eq!(text, "INVALID_FIELD: note is too long (correct these fields)");
        let mut details = ErrorDetails::with_error_info("INTERNAL", "baton", []);
        details.set_request_info("c0ffee", "");
        let status = Status::with_error_details(Code::Internal, "a fault", details);
        let text = Failure::of(&status, "http://x").to_string();
        assert!(text.starts_with("INTERNAL: a fault [call c0ffee]"), "{text}");
    }

    #[test]
    fn n7_when_it_may_be_tried_again_is_said() {
        let mut details = ErrorDetails::with_error_info("PARTNER_AWAY", "baton", []);
        details.set_retry_info(Some(Duration::from_millis(29_500)));
        let status = Status::with_error_details(Code::FailedPrecondition, "acme is away", details);
        let failure = Failure::of(&status, "http://x");
        let text = failure.to_string();
        assert!(text.starts_with("PARTNER_AWAY: acme is away [again in 29.5 s] (choose"), "{text}");
        assert!(!failure.may_retry(), "it isn't tried again without being asked");
    }

    #[test]
    fn s1_whoever_showed_a_credential_isnt_told_to_show_one() {
        let said = |message: &str, credential| {
            let details = ErrorDetails::with_error_info(
                "UNAUTHENTICATED",
                "baton",
                std::collections::HashMap::new(),
            );
            let status = Status::with_error_details(Code::Unauthenticated, message, details);
            Failure::of(&status, "http://x").for_one_who_showed(credential).to_string()
        };
        assert!(said("no credential: give one", false).contains("show a credential with"));
        let refused = said("the credential isn't accepted", true);
        assert!(
            refused.contains("may have been revoked") && !refused.contains("show a"),
            "{refused}"
        );
        let org =
            said("the credential isn't good for one org alone, or not for the one named", true);
        assert!(org.contains("give --org one of the credential's"), "{org}");
        let none = said("this server knows no credentials (it was started without --access)", true);
        assert!(none.contains("do without"), "{none}");
    }

    #[test]
    fn only_what_is_safe_is_tried_again() {
        for (code, reason, retry) in [
            (Code::Aborted, "CONTENDED", true),
            (Code::Unavailable, "STORE_UNAVAILABLE", true),
            (Code::Unknown, "OUTCOME_UNKNOWN", true),
            (Code::ResourceExhausted, "OVERLOADED", true),
            (Code::ResourceExhausted, "LIMIT_EXCEEDED", false),
            (Code::FailedPrecondition, "NOT_OWNER", false),
            (Code::Internal, "INTERNAL", false),
        ] {
            let details =
                ErrorDetails::with_error_info(reason, "baton", std::collections::HashMap::new());
            let status = Status::with_error_details(code, "no", details);
            assert_eq!(Failure::of(&status, "http://x").may_retry(), retry, "{reason}");
        }
    }
}
