//! Where a request says what: so that everything in it that is wrong is refused at once, by the names of its own fields
//! (D1), although some of that only the state can tell. Made by whoever reads requests, and looked at as they are decided.

use std::collections::BTreeMap;

use crate::domain::id::{PartnerId, PartnersId};
use crate::domain::record::{AliasOf, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Rejection};

use super::directory::naming::name_of;

/// What of a request is wrong in itself, and what it names: whatever of that is wrong is refused all at once (D1).
#[derive(Debug, Clone, Default)]
pub struct Stated {
    /// The fields that are wrong in themselves. Where there are any the command is refused, whatever it is.
    pub faults: Vec<BadField>,
    /// The fields that name a record, which must be there.
    pub names: Vec<NamingField>,
    /// The fields that give a partner's own id for something that the request brings, in the order of the request.
    pub aliases: Vec<AliasField>,
    /// The resources that the request brings, be they well stated or not, and the field of each.
    pub brought: BTreeMap<RecordKey, String>,
}

/// A field that names a record.
#[derive(Debug, Clone)]
pub struct NamingField {
    /// Its path in the request, such as `queue.reps[2]`.
    pub field: String,
    /// What it names.
    pub key: RecordKey,
}

/// A field that gives a partner's own id for something (N8).
#[derive(Debug, Clone)]
pub struct AliasField {
    /// Its path in the request, such as `rep.partners[0].id`.
    pub field: String,
    /// The partner.
    pub partner: PartnerId,
    /// Its own id.
    pub own: PartnersId,
    /// What that is of.
    pub of: AliasOf,
}

impl Stated {
    /// Everything that is wrong: the faults, and the names of what isn't there and isn't brought either.
    pub fn wrong(&self, records: &impl RecordLookup) -> Vec<BadField> {
        let missing = self.names.iter().filter(|name| {
            !self.brought.contains_key(&name.key) && records.record(&name.key).is_none()
        });
        let missing = missing
            .map(|name| BadField { field: name.field.clone(), why: names_nothing(&name.key) });
        self.faults.iter().cloned().chain(missing).collect()
    }

    /// # Errors
    /// INVALID_FIELD with everything that is wrong.
    pub fn check(&self, records: &impl RecordLookup) -> Result<(), Rejection> {
        let wrong = self.wrong(records);
        if wrong.is_empty() { Ok(()) } else { Err(Rejection::invalid(wrong)) }
    }
}

/// What is wrong with a field that names a resource which isn't there.
#[must_use]
pub fn names_nothing(key: &RecordKey) -> String {
    format!("names {}, which doesn't exist", name_of(key).map_or("", |(_, id)| id))
}
