//! Contacts of partners: supplying them, what was observed of them and of queues, and reading them (N2, E6).

use tonic::Request;

use crate::domain::command::Command;
use crate::domain::contact_search::contacts_after;
use crate::domain::entry::{Answer, Fingerprint};
use crate::domain::live::ContactRef;
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::Rejection;
use crate::grpc::api::{Api, AskedCall, fingerprint, number};
use crate::grpc::request_id::WithRequestId as _;
use crate::grpc::status::Problem;
use crate::grpc::{from_proto, scope, to_proto};
use crate::pb;

const OTHER_ANSWER: Problem = Problem::Internal("the answer is of another kind");

/// Supplies contacts.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, WRONG_STATE, SYNC_DELETES_TOO_MANY, or what the engine refuses with.
pub async fn sync(
    api: &Api,
    request: Request<pb::SyncContactsRequest>,
) -> Result<pb::SyncContactsResponse, Problem> {
    const RPC: &str = "PartnerService/SyncContacts";
    let (caller, mut message) = api.admit(RPC, request)?;
    // A repetition by another request is recognised by its content, whatever its id.
    let request_id = message.take_request_id();
    let content = if message.last { fingerprint(RPC, &message) } else { Fingerprint::default() };
    message.request_id = request_id;
    let (named, given) = from_proto::sync_contacts(&message, content)?;
    let given = given(scope::one_partner(&caller, named)?);
    let command = Command::SyncContacts(Box::new(given));
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let Answer::ContactsSynced(sync) = &done.answer else { return Err(OTHER_ANSWER) };
    let sync = Some(to_proto::contact_sync(sync));
    Ok(pb::SyncContactsResponse { sync, revision: done.number() })
}

/// Supplies availability and waits.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, or what the engine refuses with.
pub async fn report(
    api: &Api,
    request: Request<pb::ReportAvailabilityRequest>,
) -> Result<pb::ReportAvailabilityResponse, Problem> {
    const RPC: &str = "PartnerService/ReportAvailability";
    let (caller, message) = api.admit(RPC, request)?;
    let (named, given) = from_proto::report_availability(&message)?;
    let given = given(scope::one_partner(&caller, named)?);
    let command = Command::ReportAvailability(Box::new(given));
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let Answer::AvailabilityReported(report) = &done.answer else { return Err(OTHER_ANSWER) };
    let report = Some(to_proto::availability_report(report));
    Ok(pb::ReportAvailabilityResponse { report, revision: done.number() })
}

/// Reads a contact.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, or what the engine refuses with.
pub async fn get(
    api: &Api,
    request: Request<pb::GetContactRequest>,
) -> Result<pb::GetContactResponse, Problem> {
    let (caller, message) = api.admit("PartnerService/GetContact", request)?;
    let (named, contact, at_least) = from_proto::get_contact(&message)?;
    let of = ContactRef { partner: scope::one_partner(&caller, named)?, contact };
    let read = api.read(&caller, at_least, |view| {
        view.state.expect_partner(&of.partner)?;
        let contact = view.state.contact(&of);
        let contact = contact.ok_or_else(|| Rejection::not_found("contact", &of.contact))?;
        Ok(pb::GetContactResponse {
            contact: Some(to_proto::contact(&contact, to_proto::now(view))),
            revision: number(view.state.head().revision),
        })
    });
    read.await
}

/// Lists contacts in order of their ids, or searches them.
///
/// # Errors
/// INVALID_FIELD, INVALID_TOKEN, NOT_FOUND, or what the engine refuses with.
pub async fn list(
    api: &Api,
    request: Request<pb::ListContactsRequest>,
) -> Result<pb::ListContactsResponse, Problem> {
    const RPC: &str = "PartnerService/ListContacts";
    let (caller, message) = api.admit(RPC, request)?;
    let (named, filter) = from_proto::list_contacts(&message)?;
    let partner = scope::one_partner(&caller, named)?;
    let window = api.window(&caller, RPC, message)?;
    let read = api.read(&caller, window.at_least, |view| {
        view.state.expect_partner(&partner)?;
        let now = to_proto::now(view);
        let after = window.after().and_then(|after| after.parse().ok());
        let found = contacts_after(&view.state, &partner, &filter, after.as_ref(), now);
        let found = found.take(window.one_more()).collect();
        let page = api.next_page(&caller, &window, view, found, |c| c.id().to_owned());
        let shown = page.items.iter().filter_map(|found| found.contact());
        Ok(pb::ListContactsResponse {
            contacts: shown.map(|c| to_proto::contact(&c, now)).collect(),
            next_page_token: page.next,
            revision: number(view.state.head().revision),
        })
    });
    read.await
}
