//! Partners in org files, and what is theirs (N8): what it becomes, and where its faults are.

use super::*;

const PARTNERS: &str = "\
partners:
- {id: acme, name: Acme, handoff_deadline: 30s, routing_lease: 1m, away_after: 3, sync_deletion_guard_percent: 0}
- {id: umbra}
presence_statuses:
- {id: break, type: BUSY, partner_ids: {acme: BREAK}}
reps:
- {id: ana, profile: team, partners: {acme: agent-7, umbra: }}
queues:
- {id: theirs, partner: acme, partner_queue: q-7}
channels:
- id: ccaas
  type: BYOC_FOR_CCAAS
  routing_partner: acme
  recipient_types: [rep, EXTERNAL_CONTACT]
  default_target: queue:theirs
  partner_routes_reps: true
  adapters: [bridge]
flows:
- {id: f, fallback: {to: contact:umbra/42}}
";

#[test]
fn n8_partners_and_what_is_theirs_read_as_meant() {
    let directory = read(PARTNERS, false).unwrap();
    let acme = &directory.partners[0];
    assert_eq!((acme.away_after, acme.sync_deletion_guard_percent), (3, Some(0)));
    assert_eq!(acme.handoff_deadline.map(|d| d.seconds), Some(30));
    assert_eq!((directory.partners[1].away_after, &*directory.partners[1].name), (0, ""));
    let alias =
        |partner: &str, id: &str| pb::PartnerAlias { partner: partner.into(), id: id.into() };
    assert_eq!(directory.reps[0].partners, [alias("acme", "agent-7"), alias("umbra", "")]);
    assert_eq!(directory.presence_statuses[0].partner_ids, [alias("acme", "BREAK")]);
    let queue = &directory.queues[0];
    assert_eq!((&*queue.partner, &*queue.partner_queue), ("acme", "q-7"));
    let channel = &directory.channels[0];
    assert!(channel.partner_routes_reps && channel.routing_partner == "acme");
    assert_eq!(channel.recipient_types, [1, 4]);
    let target = pb::default_target::Target::Queue("theirs".into());
    assert_eq!(channel.default_target, Some(pb::DefaultTarget { target: Some(target) }));
    assert_eq!(channel.adapters, ["bridge"]);
    let contact = pb::ExternalContactRef { partner: "umbra".into(), contact: "42".into() };
    let decided = directory.flows[0].fallback.as_ref().and_then(|to| to.target.clone());
    assert_eq!(decided, Some(pb::flow_decision::Target::ExternalContact(contact)));
}

#[test]
fn n8_faults_of_what_is_partners_have_their_places() {
    let text = "\
partners: [{id: acme}]
reps:
- {id: ana, profile: team, partners: {acme: 'a b', umbra: [x]}}
queues:
- {id: q, partner: acm, partner_queue: a b}
channels:
- id: c
  type: BYOC
  recipient_types: [contact]
  default_target: rep:ana
  adapters: ['a b']
";
    assert_eq!(
        faults(text, true),
        [
            "3:22: reps[0].profile: `team` isn't in profiles: the file has none",
            "3:45: reps[0].partners.acme: `a b` isn't an id: 1–128 letters, digits or any of . _ : @ -",
            "3:59: reps[0].partners.umbra: must be an id, or nothing, not a list",
            "5:20: queues[0].partner: `acm` isn't in partners: did you mean `acme`?",
            "5:40: queues[0].partner_queue: `a b` isn't an id: 1–128 letters, digits or any of . _ : @ -",
            "9:21: channels[0].recipient_types[0]: `contact` isn't known: use one of REP, QUEUE, FLOW, \
             EXTERNAL_CONTACT",
            "10:19: channels[0].default_target: must be a queue or a flow: write queue:ID or flow:ID",
            "11:14: channels[0].adapters[0]: `a b` isn't an id: 1–128 letters, digits or any of . _ : @ -",
        ]
    );
    // And those that only the server finds.
    let told = told(
        PARTNERS,
        &[
            "directory.reps[0].partners[0].id",
            "directory.reps[0].partners[1].partner",
            "directory.presence_statuses[0].partner_ids[0].id",
            "directory.channels[0].default_target.queue",
            "directory.queues[0].routing_model",
            "directory.flows[0].fallback.external_contact.partner",
        ],
    );
    assert_eq!(
        told,
        [
            "5:41: presence_statuses[0].partner_ids.acme: is wrong",
            "7:39: reps[0].partners.acme: is wrong",
            "7:54: reps[0].partners.umbra: is wrong",
            "9:3: queues[0]: routing_model is wrong",
            "15:19: channels[0].default_target: is wrong",
            "19:26: flows[0].fallback.to: partner is wrong",
        ]
    );
}

#[test]
fn n8_the_example_of_a_partner_is_complete_in_itself() {
    let directory = read(include_str!("../../../../examples/partner.yaml"), true).unwrap();
    let partner = &directory.partners[0];
    assert_eq!((partner.id.as_str(), partner.away_after), ("acme", 5));
    assert!(directory.reps.iter().all(|rep| rep.partners[0].partner == "acme"));
    let contacts = read_contacts(include_str!("../../../../examples/contacts.jsonl")).unwrap();
    assert!(contacts.iter().any(|placed| placed.contact.id == "42"));
}
