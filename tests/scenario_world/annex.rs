//! What partners add to the house of the scenarios.

use std::collections::BTreeMap;

use baton::domain::command::Directory;
use baton::domain::contacts::ContactDetails;
use baton::domain::decide::contacts::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, SyncMode,
};
use baton::domain::directory::{Channel, ChannelType, PartnerQueue, Queue, Rep, RoutingOwner};
use baton::domain::entry::Fingerprint;
use baton::domain::units::{Units, Weight};

use super::house::{channel, directory, id, partner, queue, status};

/// A rep whom the vendor drives, by a name of its own.
fn driven(rep: Rep) -> Rep {
    let own = format!("agent-{}", rep.id);
    Rep { partners: [(id("vendor"), Some(id(&own)))].into(), ..rep }
}

/// A channel that the vendor routes, and on which it has contacts.
fn vendors(name: &str, fallback: Option<&str>) -> Channel {
    Channel {
        routing_owner: RoutingOwner::Partner(id("vendor")),
        fallback_queue: fallback.map(id),
        ..channel(name, ChannelType::ByocForCcaas, Weight::Units(Units::whole(1)))
    }
}

/// What partners add to the house: another one, channels that the vendor routes, a queue of its own, and the reps whom it
/// drives.
pub fn with_partners() -> Directory {
    use ChannelType::{ByocForCcaas, Line, StandardSms, WebChatV2, Whatsapp};
    let all = directory();
    let theirs = ["ana", "ben", "cleo", "dan", "hal"];
    let reps = all.reps.into_iter().filter(|rep| theirs.contains(&rep.id.as_str()));
    Directory {
        partners: vec![partner("umbra")],
        statuses: vec![status(
            "available",
            &[WebChatV2, Whatsapp, Line, StandardSms, ByocForCcaas],
        )],
        channels: vec![
            vendors("ext", None),
            vendors("extfb", Some("care")),
            Channel { partner_routes_reps: true, ..vendors("extall", None) },
        ],
        queues: vec![Queue {
            partner: Some(PartnerQueue { partner: id("vendor"), own_id: Some(id("q-7")) }),
            ..queue("line", &[])
        }],
        reps: reps.map(driven).collect(),
        ..Directory::default()
    }
}

/// The vendor's contacts: one for all of its channels, and one for `extfb` alone.
pub fn contacts() -> GivenContacts {
    let contact = |name: &str, channels: &[&str]| GivenItem {
        id: Ok(id(name)),
        said: Ok(GivenContact {
            details: ContactDetails {
                id: id(name),
                kind: "desk".into(),
                channels: channels.iter().map(|channel| id(channel)).collect(),
                name: name.to_uppercase(),
                description: String::new(),
                fields: BTreeMap::new(),
            },
            observed: GivenObservation::default(),
        }),
    };
    GivenContacts {
        partner: id("vendor"),
        mode: SyncMode::Incremental { deleted: Vec::new() },
        contacts: vec![contact("desk-1", &[]), contact("desk-2", &["extfb"])],
        content: Fingerprint::default(),
    }
}
