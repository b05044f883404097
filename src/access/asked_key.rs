//! An API key as somebody asks for it, in words: checked as a whole, so that every fault is told at once.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::credential::Orgs;
use super::grant::{
    AnyOr, Grant, NARROWING_MAX, any_or_these, id, org_or_any, role, role_name, scope, too_many,
};
use super::key_file::ApiKey;
use super::keys::NewKey;
use crate::domain::id::ActorId;
use crate::domain::live::{Actor, Role};
use crate::domain::scope::Narrowing;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct AskedKey {
    /// What it is called.
    pub name: String,
    /// In which orgs it is good; `*`: in any.
    pub orgs: Vec<String>,
    /// In which role.
    pub role: String,
    /// As whom: the rep's, adapter's or partner's id. Other roles may leave it out: then the name says who it is.
    pub actor: Option<String>,
    /// Its scopes; none: all areas.
    pub scopes: Vec<String>,
    /// The queues that it is narrowed to.
    pub queues: Vec<String>,
    /// The channels that it is narrowed to.
    pub channels: Vec<String>,
    /// Until when it is good.
    pub expires: Option<SystemTime>,
}

impl AskedKey {
    /// The key to be made.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<NewKey, Vec<String>> {
        let mut faults = Vec::new();
        let name = noted(&mut faults, "the name", id(ActorId::new)(&self.name));
        let role = noted(&mut faults, "role", role(&self.role));
        let has_own_id = matches!(role, Some(Role::Rep | Role::Adapter | Role::Partner));
        let actor = match (&self.actor, has_own_id) {
            (Some(actor), _) => noted(&mut faults, "as", id(ActorId::new)(actor)),
            (None, false) => name.clone(),
            (None, true) => {
                let role = role.map_or("", role_name);
                faults.push(format!("as is missing: which {role} is it?"));
                None
            }
        };
        let orgs = all(&mut faults, "org", &self.orgs, org_or_any);
        let orgs = match any_or_these(orgs) {
            AnyOr::These(orgs) if orgs.is_empty() && self.orgs.is_empty() => {
                faults.push("org is missing: in which org is it good? `*` means any".to_owned());
                Orgs::These(orgs)
            }
            AnyOr::These(orgs) => Orgs::These(orgs),
            AnyOr::Any => Orgs::Any,
        };
        let scopes = all(&mut faults, "scope", &self.scopes, scope).into_iter().collect();
        let queues = all(&mut faults, "queue", &self.queues, id(str::parse));
        let channels = all(&mut faults, "channel", &self.channels, id(str::parse));
        let narrowing = Narrowing {
            queues: queues.into_iter().collect(),
            channels: channels.into_iter().collect(),
        };
        let (queues, channels) = (narrowing.queues.len(), narrowing.channels.len());
        for (what, number) in [("queues", queues), ("channels", channels)] {
            if number > NARROWING_MAX {
                faults.push(too_many(what, number));
            }
        }
        if role == Some(Role::Admin) && narrowing != Narrowing::default() {
            faults.push("an admin's key can't be narrowed to queues or channels".to_owned());
        }
        match (name, role, actor) {
            (Some(name), Some(role), Some(actor)) if faults.is_empty() => Ok(NewKey {
                name: name.to_string(),
                grant: Grant { orgs, actor: Actor { role, id: actor }, scopes, narrowing },
                expires: self.expires,
            }),
            _ => Err(faults),
        }
    }
}

fn noted<T>(faults: &mut Vec<String>, what: &str, read: Result<T, String>) -> Option<T> {
    read.map_err(|why| faults.push(format!("{what} {why}"))).ok()
}

fn all<T>(
    faults: &mut Vec<String>,
    what: &str,
    given: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    given.iter().filter_map(|text| noted(faults, what, read(text))).collect()
}

/// What a key gives, in words.
impl ApiKey {
    /// The orgs in which it is good; `*`: in any.
    #[must_use]
    pub fn orgs(&self) -> Vec<String> {
        match &self.grant.orgs {
            Orgs::These(orgs) => orgs.iter().map(ToString::to_string).collect(),
            Orgs::Any => vec!["*".to_owned()],
        }
    }

    /// Its role.
    #[must_use]
    pub fn role(&self) -> &'static str {
        role_name(self.grant.actor.role)
    }

    /// Its scopes, queues and channels: what it is narrowed to, if anything.
    #[must_use]
    pub fn narrowed_to(&self) -> Vec<String> {
        let Narrowing { queues, channels } = &self.grant.narrowing;
        let scopes: BTreeSet<&str> = self.grant.scopes.iter().map(|scope| scope.name()).collect();
        let scopes = scopes.into_iter().map(str::to_owned);
        let queues = queues.iter().map(|queue| format!("queue:{queue}"));
        let channels = channels.iter().map(|channel| format!("channel:{channel}"));
        scopes.chain(queues).chain(channels).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_every_fault_of_what_is_asked_is_told_at_once() {
        let asked = AskedKey {
            name: "a b".into(),
            role: "rep".into(),
            scopes: vec!["everything".into(), "work".into()],
            queues: vec!["x y".into()],
            ..AskedKey::default()
        };
        let faults = asked.check().unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:?}");
        let narrowed = AskedKey {
            name: "ops".into(),
            role: "admin".into(),
            orgs: vec!["*".into()],
            queues: vec!["billing".into()],
            ..AskedKey::default()
        };
        assert_eq!(narrowed.check().unwrap_err().len(), 1);
        let many = (0..=NARROWING_MAX).map(|number| format!("c{number}")).collect();
        let wide = AskedKey {
            channels: many,
            queues: Vec::new(),
            role: "dashboard".into(),
            ..narrowed.clone()
        };
        assert!(wide.check().unwrap_err()[0].contains("`channels` names 65"));
        let fine = AskedKey { queues: Vec::new(), ..narrowed }.check().unwrap();
        assert_eq!((fine.grant.orgs, fine.grant.actor.id.as_str()), (Orgs::Any, "ops"));
    }
}
