//! Calls whose message was never read: it is no message of the method's type, or is broken off. Those are
//! refused before a handler sees them, by what Baton stands on and with a status of its own; here they get a reason, as every
//! refusal has one (D1). Called for each answer by `call_id`.

use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

use super::status::Problem;
use crate::domain::rejection::BadField;

const DETAILS: &str = "grpc-status-details-bin";

/// The answer as it is, unless it refuses an unread message. What Baton itself says, also of its own faults, has details.
pub(super) fn with_reason(answer: Response<Body>) -> Response<Body> {
    let headers = answer.headers();
    let code = headers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()));
    if code != Some(Code::Internal) || headers.contains_key(DETAILS) {
        return answer;
    }
    let problem = Problem::Invalid(vec![BadField {
        field: "message".to_owned(),
        why: "can't be read: it is cut short, or of another type than the method's".to_owned(),
    }]);
    Status::from(problem).into_http()
}
