//! Which records of the audit pass.

use crate::domain::entry::Entry;
use crate::domain::record::RecordKey;
use crate::grpc::from_proto::AuditFilter;
use crate::grpc::to_proto;

impl AuditFilter {
    /// Does this entry's record pass? All that is asked must hold.
    #[must_use]
    pub fn passes(&self, entry: &Entry) -> bool {
        let cause = &entry.cause;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        self.actor.as_ref().is_none_or(|actor| cause.actor.id == *actor)
            && self.role.is_none_or(|role| cause.actor.role == role)
            && is(&self.credential, cause.credential.as_deref())
            && is(&self.rpc, Some(&cause.rpc))
            && self.on_behalf_of.as_ref().is_none_or(|rep| cause.on_behalf_of.as_ref() == Some(rep))
            && (self.kind.is_none() || entry.changes.iter().any(|(key, _)| self.names(key)))
    }

    /// Is it what is asked about?
    fn names(&self, key: &RecordKey) -> bool {
        to_proto::audited(key).is_some_and(|(kind, id)| {
            self.kind == Some(kind) && self.id.as_ref().is_none_or(|wanted| id == *wanted)
        })
    }
}
