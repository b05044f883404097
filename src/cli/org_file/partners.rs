//! Partners in an org file, and what belongs to whom: reps, statuses and queues with partners' own ids, and a channel's
//! default target (N8, O7).

use super::fields::{Fields, Found};
use super::{File, Kind};
use crate::cli::target;
use crate::pb;
use crate::pb::default_target::Target;
use crate::pb::recipient::Recipient;

impl<'a> File<'a> {
    pub(super) fn partner(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Partner {
        pb::Partner {
            id,
            name: fields.text("name"),
            handoff_deadline: fields.duration("handoff_deadline", 1..=600),
            routing_deadline: fields.duration("routing_deadline", 1..=600),
            routing_lease: fields.duration("routing_lease", 5..=300),
            away_after: fields.count("away_after", 1..=100).unwrap_or_default(),
            sync_deletion_guard_percent: fields.count("sync_deletion_guard_percent", 0..=100),
        }
    }

    /// `[acme]`, or `{acme: agent-7}` with the partner's own id.
    pub(super) fn aliases(
        &mut self,
        fields: &mut Fields<'a>,
        key: &'static str,
    ) -> Vec<pb::PartnerAlias> {
        let named = if fields.is_list(key) {
            fields.ids(key).into_iter().map(|partner| (partner, String::new())).collect()
        } else {
            fields.own_ids(key)
        };
        let alias = |(partner, id): (Found, String)| pb::PartnerAlias {
            partner: self.refer(Kind::Partner, Some(partner)),
            id,
        };
        named.into_iter().map(alias).collect()
    }

    /// `queue:general` or `flow:triage`.
    pub(super) fn default_target(&mut self, fields: &mut Fields<'a>) -> Option<pb::DefaultTarget> {
        let to = fields.written("default_target", "queue:ID or flow:ID")?;
        let named = target::recipient(&to.text).map(|to| to.recipient);
        let (kind, id) = match named {
            Ok(Some(Recipient::Queue(id))) => (Kind::Queue, id),
            Ok(Some(Recipient::Flow(id))) => (Kind::Flow, id),
            Ok(_) => {
                fields.wrong_at(&to, "must be a queue or a flow: write queue:ID or flow:ID");
                return None;
            }
            Err(why) => {
                fields.wrong_at(&to, why);
                return None;
            }
        };
        let found = fields.checked(Found { text: id, ..to })?;
        let id = self.refer(kind, Some(found));
        let target = if kind == Kind::Queue { Target::Queue(id) } else { Target::Flow(id) };
        Some(pb::DefaultTarget { target: Some(target) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let faults = read(text, true).good().unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn n8_whose_is_whose_is_read_with_the_partners_own_ids() {
        let text = "
partners:
- {id: acme, name: Acme, handoff_deadline: 30s, routing_lease: 20s, away_after: 3, sync_deletion_guard_percent: 0}
- id: bolt
presence_statuses:
- {id: there, type: ONLINE, channel_types: [BYOC_FOR_CCAAS], partner_ids: {acme: READY}}
presence_configurations: [{id: c, capacity: 4}]
profiles: [{id: agents, presence_statuses: [there], presence_configuration: c}]
reps:
- {id: rita, profile: agents, partners: {acme: agent-7, bolt: }}
- {id: sam, profile: agents, partners: [acme]}
queues:
- {id: sales, partner: acme, partner_queue: Q-17}
channels:
- id: acme-chat
  type: BYOC_FOR_CCAAS
  routing_partner: acme
  recipient_types: [REP, EXTERNAL_CONTACT]
  default_target: queue:sales
  partner_routes_reps: true
  adapters: [bot-1]
flows:
- id: out
  fallback: {to: contact:acme/42}
";
        let directory = read(text, true).good().unwrap();
        let acme = &directory.partners[0];
        assert_eq!(acme.handoff_deadline.map(|d| d.seconds), Some(30));
        assert_eq!((acme.away_after, acme.sync_deletion_guard_percent), (3, Some(0)));
        assert_eq!(directory.partners[1].sync_deletion_guard_percent, None);
        let alias =
            |partner: &str, id: &str| pb::PartnerAlias { partner: partner.into(), id: id.into() };
        assert_eq!(directory.presence_statuses[0].partner_ids, [alias("acme", "READY")]);
        assert_eq!(directory.reps[0].partners, [alias("acme", "agent-7"), alias("bolt", "")]);
        assert_eq!(directory.reps[1].partners, [alias("acme", "")]);
        let queue = &directory.queues[0];
        assert_eq!((queue.partner.as_str(), queue.partner_queue.as_str()), ("acme", "Q-17"));
        let channel = &directory.channels[0];
        assert_eq!(
            (channel.routing_partner.as_str(), &*channel.adapters),
            ("acme", &["bot-1".to_owned()][..])
        );
        assert!(channel.partner_routes_reps && channel.recipient_types == [1, 4]);
        let target = pb::default_target::Target::Queue("sales".into());
        assert_eq!(
            channel.default_target.as_ref().and_then(|to| to.target.as_ref()),
            Some(&target)
        );
        let decision =
            directory.flows[0].fallback.as_ref().and_then(|fallback| fallback.target.as_ref());
        assert!(
            matches!(decision, Some(pb::flow_decision::Target::ExternalContact(c)) if c.contact == "42")
        );
        let lost = faults_of(&text.replace("id: acme, name", "id: akme, name"));
        assert_eq!(lost.len(), 6, "{lost:?}");
        assert!(lost.iter().all(|fault| fault.contains("did you mean `akme`?")), "{lost:?}");
        let wrong = text
            .replace("agent-7", "agent 7")
            .replace("queue:sales", "rep:rita")
            .replace("away_after: 3", "away_after: 0");
        let wrong = faults_of(&wrong);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(
            wrong[1].starts_with("10:48: reps[0].partners.acme: `agent 7` isn't an id"),
            "{wrong:?}"
        );
        assert!(wrong[2].contains("default_target: must be a queue or a flow"), "{wrong:?}");
    }
}
