//! Partners in an org file, and what is theirs: own ids of reps and statuses, and where a channel's sessions go (N8, O7).

use super::fields::Fields;
use super::{File, Kind};
use crate::cli::target;
use crate::pb;
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

    /// `{acme: agent-7, umbra: }`: partners, each with its own id, if it has another.
    pub(super) fn aliases(
        &mut self,
        fields: &mut Fields<'a>,
        key: &'static str,
    ) -> Vec<pb::PartnerAlias> {
        let aliases = fields.aliases(key).into_iter();
        aliases
            .map(|(partner, id)| pb::PartnerAlias {
                partner: self.refer(Kind::Partner, Some(partner)),
                id,
            })
            .collect()
    }

    /// `queue:billing` or `flow:triage`.
    pub(super) fn default_target(&mut self, fields: &mut Fields<'a>) -> Option<pb::DefaultTarget> {
        use pb::default_target::Target;
        let to = fields.written("default_target", "queue:ID or flow:ID")?;
        let named = target::recipient(&to.text).map(|recipient| recipient.recipient);
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
        let found = fields.checked(super::fields::Found { text: id, ..to })?;
        let id = self.refer(kind, Some(found));
        let target = if kind == Kind::Queue { Target::Queue(id) } else { Target::Flow(id) };
        Some(pb::DefaultTarget { target: Some(target) })
    }
}
