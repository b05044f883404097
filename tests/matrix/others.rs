//! Another org's things don't exist (S2): whatever is asked about an id that another org has, the answer is, word for word,
//! the one about an id that nobody has.

use std::collections::BTreeMap;

use baton::access::asked_key::AskedKey;
use baton::pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value};
use tonic::Status;

use crate::access::{AccessFiles, key_for};
use crate::raw::{RawCaller, methods, name_of, reason};

/// A request in which each text of these names is this id, as deep as two messages.
fn filled(message: &MessageDescriptor, id: &str, depth: u32) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let is_text = field.kind() == Kind::String && !field.is_map();
        let free = matches!(
            field.name(),
            "request_id" | "page_token" | "resume_token" | "query" | "note" | "condition"
        );
        let value = match field.kind() {
            Kind::String if is_text && !free => Some(Value::String(id.to_owned())),
            Kind::Message(inner)
                if depth > 0 && !field.is_map() && inner.package_name() == "baton.v1" =>
            {
                Some(Value::Message(self::filled(&inner, id, depth - 1)))
            }
            _ => None,
        };
        let Some(value) = value else { continue };
        // Of what excludes each other the last one stays.
        let value = if field.is_list() { Value::List(vec![value]) } else { value };
        filled.set_field(&field, value);
    }
    filled
}

/// What an answer says, without the id, and without figures, times and ids of calls.
fn said(method: &MethodDescriptor, answer: &Result<Vec<u8>, Status>, id: &str) -> String {
    let text = match answer {
        Ok(bytes) => {
            let message = DynamicMessage::decode(method.output(), bytes.as_slice());
            message.expect("as the descriptors say").to_string()
        }
        Err(status) => format!("{:?} {} {}", status.code(), reason(status), status.message()),
    };
    let text = text.replace(id, "ID");
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let hex = c.is_ascii_digit();
        if hex && plain.ends_with('#') {
            continue;
        }
        plain.push(if hex { '#' } else { c });
    }
    plain
}

/// Calls a method by its name.
async fn call(caller: &RawCaller, name: &str, message: Vec<u8>) -> Vec<u8> {
    let method = methods().into_iter().find(|method| name_of(method) == name).expect(name);
    caller.call(&method, message).await.unwrap_or_else(|status| panic!("{name}: {status}"))
}

/// Signs ana in, and lets her take a session: her presence, the session, her work.
async fn taken(admin: &RawCaller) -> (String, String, String) {
    let request = pb::OpenPresenceRequest {
        rep: "ana".into(),
        status: "available".into(),
        ..Default::default()
    };
    let opened = call(admin, "PresenceService/OpenPresence", request.encode_to_vec()).await;
    let opened = pb::OpenPresenceResponse::decode(opened.as_slice()).expect("an answer");
    let request = pb::OpenSessionRequest {
        channel: "web".into(),
        external_reference: "c-1".into(),
        target: Some(pb::open_session_request::Target::Queue("billing".into())),
        ..Default::default()
    };
    let session = call(admin, "SessionService/OpenSession", request.encode_to_vec()).await;
    let session = pb::OpenSessionResponse::decode(session.as_slice()).expect("an answer");
    let session = session.session.expect("a session");
    let work = session.offer.as_ref().expect("ana is asked").work.clone();
    let request = pb::AcceptWorkRequest { work: work.clone(), ..Default::default() };
    call(admin, "WorkService/AcceptWork", request.encode_to_vec()).await;
    (opened.presence, session.id, work)
}

/// An org with something of everything, and the ids of all that.
async fn furnished(admin: &RawCaller) -> Vec<String> {
    let request = pb::ApplyDirectoryRequest { directory: Some(org()), ..Default::default() };
    call(admin, "DirectoryService/ApplyDirectory", request.encode_to_vec()).await;
    let (presence, session, work) = taken(admin).await;
    let recipient = pb::recipient::Recipient::Queue("other".into());
    let request = pb::TransferSessionRequest {
        session: session.clone(),
        recipient: Some(pb::Recipient { recipient: Some(recipient) }),
        ..Default::default()
    };
    let moved = call(admin, "TransferService/TransferSession", request.encode_to_vec()).await;
    let moved = pb::TransferSessionResponse::decode(moved.as_slice()).expect("an answer");
    let transfer = moved.transfer.expect("a transfer").id;
    ["ana", "billing", "web", "available", "agents", "acme-ccaas", "c-1"]
        .map(str::to_owned)
        .into_iter()
        .chain([presence, session, work, transfer])
        .collect()
}

fn org() -> pb::Directory {
    let types = vec![pb::ChannelType::WebChatV2.into()];
    let queue = |id: &str, reps: Vec<String>| pb::Queue {
        id: id.into(),
        reps,
        channel_types: types.clone(),
        ..Default::default()
    };
    pb::Directory {
        presence_statuses: vec![pb::PresenceStatus {
            id: "available".into(),
            r#type: pb::PresenceStatusType::Online.into(),
            channel_types: types.clone(),
            ..Default::default()
        }],
        presence_configurations: vec![pb::PresenceConfiguration {
            id: "usual".into(),
            capacity_centi_units: 500,
            ..Default::default()
        }],
        profiles: vec![pb::Profile {
            id: "agents".into(),
            presence_statuses: vec!["available".into()],
            presence_configuration: "usual".into(),
            ..Default::default()
        }],
        reps: ["ana", "ben"]
            .map(|id| pb::Rep {
                id: id.into(),
                profile: "agents".into(),
                licences: vec![pb::Licence::EnhancedChatUser.into()],
                permissions: vec![pb::Permission::EnhancedChatRep.into()],
                ..Default::default()
            })
            .into(),
        partners: vec![pb::Partner { id: "acme-ccaas".into(), ..Default::default() }],
        channels: vec![pb::Channel {
            id: "web".into(),
            r#type: pb::ChannelType::WebChatV2.into(),
            ..Default::default()
        }],
        queues: vec![queue("billing", vec!["ana".into()]), queue("other", vec!["ben".into()])],
        ..Default::default()
    }
}

/// An id of the same shape that nobody has.
fn nobodys(id: &str) -> String {
    if id.len() == 36 && id.matches('-').count() == 4 {
        return format!("{}-7fff-bfff-ffffffffffff", &id[..13]);
    }
    // Letter by letter the next one.
    let next = |c: char| match c {
        'z' => 'a',
        'a'..='y' => char::from(u8::try_from(c).expect("ASCII") + 1),
        other => other,
    };
    id.chars().map(next).collect()
}

#[tokio::test]
async fn s2_what_is_anothers_is_answered_like_what_nobody_has() {
    let files = AccessFiles::new("");
    let owner = files.key_of("admin", "root", "acme");
    let strangers = ["supervisor", "rep", "adapter", "partner", "dashboard"]
        .map(|role| (role, files.key_of(role, "x", "zeta")));
    let server = files.serve().await;
    let owner = RawCaller::new(server.address, &owner);
    let ids = furnished(&owner).await;
    let mut compared = 0;
    for (role, key) in &strangers {
        let stranger = RawCaller::new(server.address, key);
        for method in methods() {
            for id in &ids {
                let ask = async |id: &str| {
                    let message = filled(&method.input(), id, 2).encode_to_vec();
                    said(&method, &stranger.call(&method, message).await, id)
                };
                let (theirs, nobodys) = (ask(id).await, ask(&nobodys(id)).await);
                assert_eq!(theirs, nobodys, "{} by {role} about {id}", name_of(&method));
                compared += 1;
            }
        }
    }
    assert!(compared > 4_000, "{compared}");
    // The same questions say something to whom they belong: the comparison can tell.
    let get = methods().into_iter().find(|method| method.name() == "GetRep").expect("it exists");
    let ask = async |id: &str| {
        let message = filled(&get.input(), id, 2).encode_to_vec();
        said(&get, &owner.call(&get, message).await, id)
    };
    assert_ne!(ask("ana").await, ask(&nobodys("ana")).await);
    server.stop().await.expect("it stops");
}

/// Somebody of the same org, and what of it isn't theirs.
struct Limited {
    who: &'static str,
    key: String,
    not_theirs: Vec<String>,
}

#[tokio::test]
async fn s2_n3_n5_s4_what_isnt_ones_own_in_ones_own_org_is_answered_like_what_nobody_has() {
    let files = AccessFiles::new("");
    let owner = files.key_of("admin", "root", "acme");
    let server = {
        let limited = |asked: AskedKey| files.key(&asked);
        let narrowed = |role: &str| AskedKey {
            queues: vec!["other".to_owned()],
            ..key_for(role, &format!("narrow-{role}"), "acme")
        };
        let keys = [
            ("an adapter of another channel", limited(key_for("adapter", "stranger", "acme"))),
            ("a partner of none", limited(key_for("partner", "stranger", "acme"))),
            ("a supervisor of another queue", limited(narrowed("supervisor"))),
            ("a dashboard of another queue", limited(narrowed("dashboard"))),
        ];
        (files.serve().await, keys)
    };
    let (server, keys) = server;
    let owner = RawCaller::new(server.address, &owner);
    let ids = owned(&owner).await;
    let of_a_session =
        |names: &[&str]| names.iter().map(|name| ids[*name].clone()).collect::<Vec<String>>();
    let all = ["session", "work", "web", "billing", "ana", "presence"];
    let limited = keys.map(|(who, key)| {
        let not_theirs = match who {
            "an adapter of another channel" => of_a_session(&["session", "work", "web"]),
            "a partner of none" => of_a_session(&["session", "work", "web", "ana", "presence"]),
            // A channel is no queue's: it is seen.
            _ => of_a_session(&["session", "work", "billing", "ana", "presence"]),
        };
        Limited { who, key, not_theirs }
    });
    assert!(all.iter().all(|name| ids.contains_key(*name)));
    let mut compared = 0;
    for Limited { who, key, not_theirs } in &limited {
        let caller = RawCaller::new(server.address, key);
        for method in methods() {
            for id in not_theirs {
                let ask = async |id: &str| {
                    let message = filled(&method.input(), id, 2).encode_to_vec();
                    said(&method, &caller.call(&method, message).await, id)
                };
                let (theirs, nobodys) = (ask(id).await, ask(&nobodys(id)).await);
                assert_eq!(theirs, nobodys, "{} by {who} about {id}", name_of(&method));
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
    server.stop().await.expect("it stops");
}

/// A session that ana has, on a channel whose adapter is `bridge`, from a queue whose only member she is.
async fn owned(admin: &RawCaller) -> BTreeMap<&'static str, String> {
    let mut directory = org();
    directory.channels[0].adapters = vec!["bridge".into()];
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    call(admin, "DirectoryService/ApplyDirectory", request.encode_to_vec()).await;
    let (presence, session, work) = taken(admin).await;
    let ids = [("presence", presence), ("session", session), ("work", work)];
    let named = ["web", "billing", "ana"].map(|id| (id, id.to_owned()));
    ids.into_iter().chain(named).collect()
}
