//! Another org's things don't exist (S2): whatever is asked about an id that another org has, the answer is, word for word,
//! the one about an id that nobody has.

use baton::pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value};
use tonic::Status;

use crate::access::AccessFiles;
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

/// An org with something of everything, and the ids of all that.
async fn furnished(admin: &RawCaller) -> Vec<String> {
    let method = |name: &str| {
        methods()
            .into_iter()
            .find(|method| name_of(method) == name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    let directory = org();
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    let apply = method("DirectoryService/ApplyDirectory");
    admin.call(&apply, request.encode_to_vec()).await.expect("the org is right");
    let request = pb::OpenPresenceRequest {
        rep: "ana".into(),
        status: "available".into(),
        ..Default::default()
    };
    let opened = admin.call(&method("PresenceService/OpenPresence"), request.encode_to_vec()).await;
    let opened = pb::OpenPresenceResponse::decode(opened.expect("ana signs in").as_slice());
    let presence = opened.expect("an answer").presence;
    let request = pb::OpenSessionRequest {
        channel: "web".into(),
        external_reference: "c-1".into(),
        target: Some(pb::open_session_request::Target::Queue("billing".into())),
        ..Default::default()
    };
    let opened = admin.call(&method("SessionService/OpenSession"), request.encode_to_vec()).await;
    let opened = pb::OpenSessionResponse::decode(opened.expect("it opens").as_slice());
    let session = opened.expect("an answer").session.expect("a session");
    let work = session.offer.as_ref().expect("ana is asked").work.clone();
    let request = pb::AcceptWorkRequest { work: work.clone(), ..Default::default() };
    admin
        .call(&method("WorkService/AcceptWork"), request.encode_to_vec())
        .await
        .expect("she accepts");
    let recipient =
        pb::Recipient { recipient: Some(pb::recipient::Recipient::Queue("other".into())) };
    let request = pb::TransferSessionRequest {
        session: session.id.clone(),
        recipient: Some(recipient),
        ..Default::default()
    };
    let moved =
        admin.call(&method("TransferService/TransferSession"), request.encode_to_vec()).await;
    let moved = pb::TransferSessionResponse::decode(moved.expect("it waits").as_slice());
    let transfer = moved.expect("an answer").transfer.expect("a transfer").id;
    ["ana", "billing", "web", "available", "agents", "acme-ccaas", "c-1"]
        .map(str::to_owned)
        .into_iter()
        .chain([presence, session.id, work, transfer])
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
