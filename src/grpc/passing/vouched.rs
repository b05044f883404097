//! The caller of a call that is passed on, as one server tells the other: what its credential was found to say, in one
//! header, which the seal covers. The credential itself stays where it was shown.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::access::{Credential, Orgs, Origin, Scope, Scopes};
use crate::domain::id::{ActorId, OrgId};
use crate::domain::live::Actor;
use crate::domain::scope::Narrowing;
use crate::grpc::caller::{Caller, role_of};
use crate::grpc::table::role_name;

/// The header. Ignored without a seal.
pub const CALLER: &str = "baton-caller";

#[derive(Serialize, Deserialize)]
struct Vouched {
    org: String,
    role: String,
    actor: String,
    credential: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delegate: Option<String>,
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queues: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    #[serde(default)]
    claims: bool,
}

/// What the header says of this caller. `None`: it can't be written in a header, so the call isn't passed on.
pub fn written(caller: &Caller) -> Option<String> {
    let credential = &caller.credential;
    let narrowing = credential.narrowing.as_deref();
    let expires = credential.expires.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let vouched = Vouched {
        org: caller.org.to_string(),
        role: role_name(caller.actor.role).to_owned(),
        actor: caller.actor.id.to_string(),
        credential: credential.name.to_string(),
        delegate: credential.delegate.as_deref().map(str::to_owned),
        scopes: credential.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        queues: narrowing
            .map(|to| to.queues.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        channels: narrowing
            .map(|to| to.channels.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        expires_ms: expires.and_then(|since| u64::try_from(since.as_millis()).ok()),
        claims: credential.origin == Origin::Claims,
    };
    let text = serde_json::to_string(&vouched).ok()?;
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')).then_some(text)
}

/// The caller of whom the header says this.
pub fn read(text: &str) -> Option<Caller> {
    let vouched: Vouched = serde_json::from_str(text).ok()?;
    let ids = |ids: &[String]| -> Option<Vec<_>> { ids.iter().map(|id| id.parse().ok()).collect() };
    let scopes: Option<Vec<Scope>> = vouched.scopes.iter().map(|name| Scope::named(name)).collect();
    let narrowing = Narrowing {
        queues: ids(&vouched.queues)?.into_iter().collect(),
        channels: vouched.channels.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
    };
    let expires = vouched.expires_ms.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    let org = OrgId::new(&vouched.org).ok()?;
    let credential = Credential {
        name: vouched.credential.into(),
        orgs: Orgs::These([org.clone()].into()),
        actor: Actor { role: role_of(&vouched.role)?, id: ActorId::new(&vouched.actor).ok()? },
        delegate: vouched.delegate.map(Arc::from),
        scopes: Scopes::exactly(scopes?),
        narrowing: (narrowing != Narrowing::default()).then(|| Arc::new(narrowing)),
        expires,
        origin: if vouched.claims { Origin::Claims } else { Origin::Server },
    };
    Some(Caller::known(org, Arc::new(credential)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live::Role;

    #[test]
    fn s4_what_a_credential_says_arrives_whole() {
        let org = OrgId::new("acme").expect("an id");
        let narrowing =
            Narrowing { queues: ["billing".parse().unwrap()].into(), channels: [].into() };
        let credential = Credential {
            name: "token:https://idp/#\"ana\"".into(),
            orgs: Orgs::These([org.clone()].into()),
            actor: Actor { role: Role::Supervisor, id: "ana".parse().unwrap() },
            delegate: Some("desk".into()),
            scopes: Scopes::exactly([Scope::Routing, Scope::ReadOnly]),
            narrowing: Some(Arc::new(narrowing)),
            expires: Some(UNIX_EPOCH + Duration::from_secs(77)),
            origin: Origin::Server,
        };
        let caller = Caller::known(org, Arc::new(credential));
        let read = read(&written(&caller).expect("printable")).expect("as it was written");
        assert_eq!((&read.org, &read.credential), (&caller.org, &caller.credential));
        let mut strange = (*caller.credential).clone();
        strange.name = "key:ä".into();
        assert_eq!(written(&Caller::known(caller.org, Arc::new(strange))), None);
    }

    #[test]
    fn d4_nonsense_is_nobody() {
        for text in ["", "{}", "[]", r#"{"org":"a b"}"#] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
