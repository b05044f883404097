//! What belongs to partners when the directory is changed (N1, N8): their own ids name one thing of a kind each, their
//! queues are nobody else's way on, and what they are being asked about stays theirs. That what is named exists is
//! `references`' part, what is wrong with a resource otherwise `check`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::name_of;
use super::references::in_use;
use crate::domain::decide::stated::{AliasField, Stated};
use crate::domain::directory::Queue;
use crate::domain::draft::Draft;
use crate::domain::id::{ChannelId, FlowId, PartnerId, QueueId, SessionId};
use crate::domain::live::{Line, PartnerAsk, Session, SessionState};
use crate::domain::record::{AliasOf, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Rejection};
use crate::domain::state::State;

use super::references::sessions;

/// What a partner's own id is of, as a record.
fn key_of(of: &AliasOf) -> RecordKey {
    match of {
        AliasOf::Rep(id) => RecordKey::Rep(id.clone()),
        AliasOf::Queue(id) => RecordKey::Queue(id.clone()),
        AliasOf::Status(id) => RecordKey::Status(id.clone()),
    }
}

/// Its kind and id, in words.
fn words(of: &AliasOf) -> (&'static str, String) {
    let key = key_of(of);
    let (kind, id) = name_of(&key).unwrap_or(("resource", ""));
    (kind, id.to_owned())
}

/// Partners' own ids for a resource that the request doesn't state by itself.
fn aliases_of(record: &Record) -> Vec<AliasField> {
    let alias = |field: &str, partner: &PartnerId, own, of: &AliasOf| AliasField {
        field: format!("{}.{field}", words(of).0),
        partner: partner.clone(),
        own,
        of: of.clone(),
    };
    match record {
        Record::Rep(rep) => {
            let of = AliasOf::Rep(rep.id.clone());
            let owned = rep.partners.iter().filter_map(|(by, own)| Some((by, own.clone()?)));
            owned.map(|(by, own)| alias("partners", by, own, &of)).collect()
        }
        Record::Status(status) => {
            let of = AliasOf::Status(status.id.clone());
            let all = status.partner_ids.iter();
            all.map(|(by, own)| alias("partner_ids", by, own.clone(), &of)).collect()
        }
        Record::Queue(queue) => {
            let of = AliasOf::Queue(queue.id.clone());
            let owned = queue.partner.iter().filter_map(|p| Some((&p.partner, p.own_id.clone()?)));
            owned.map(|(by, own)| alias("partner_queue", by, own, &of)).collect()
        }
        _ => Vec::new(),
    }
}

/// Partners' own ids that name something else of the kind already: what the request gives before, or what is there and
/// stays as it is. `going` is what the change deletes.
pub(super) fn alias_faults(
    draft: &Draft<'_>,
    written: &[Record],
    stated: &Stated,
    going: &BTreeSet<RecordKey>,
) -> Vec<BadField> {
    let unstated = written.iter().filter(|r| !stated.brought.contains_key(&r.key()));
    let unstated: Vec<AliasField> = unstated.flat_map(aliases_of).collect();
    let mut given: BTreeMap<_, &AliasOf> = BTreeMap::new();
    let mut faults = Vec::new();
    for AliasField { field, partner, own, of } in stated.aliases.iter().chain(&unstated) {
        let kind = words(of).0;
        let first = *given.entry((kind, partner, own)).or_insert(of);
        // What the request brings has the ids that it gives, and no others any more.
        let stays = |other: &&AliasOf| {
            let key = key_of(other);
            !stated.brought.contains_key(&key) && !going.contains(&key)
        };
        let there = || draft.aliases(partner, own).filter(|other| words(other).0 == kind);
        let other = match first == of {
            true => there().filter(stays).find(|other| *other != of),
            false => Some(first),
        };
        if let Some(other) = other {
            let why = format!(
                "is {own}, which is {partner}'s id for {kind} {} already; give each once",
                words(other).1
            );
            faults.push(BadField { field: field.clone(), why });
        }
    }
    faults
}

/// What a queue of a partner's can't have.
pub(super) fn queue_faults(queue: &Queue) -> Vec<(String, String)> {
    if queue.partner.is_none() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if !queue.reps.is_empty() {
        let why = "isn't empty; the partner names the reps of its queue: leave it out";
        faults.push(("reps".to_owned(), why.to_owned()));
    }
    if queue.overflow.is_some() {
        let why = "can't go with partner; the partner routes what waits in its queue: leave it out";
        faults.push(("overflow".to_owned(), why.to_owned()));
    }
    faults
}

/// That a field names a queue of a partner's where only one of Baton's will do.
pub(super) fn names_partners(queue: &Queue) -> Option<String> {
    let of = queue.partner.as_ref()?;
    Some(format!("names {}, a queue of partner {}'s; name one of Baton's", queue.id, of.partner))
}

/// What is being asked of a partner about a session, and where that waits.
struct OpenAsk {
    session: SessionId,
    channel: ChannelId,
    queue: Option<QueueId>,
}

fn open_asks(state: &State, partner: &PartnerId) -> impl Iterator<Item = OpenAsk> {
    state.asks_open_with(partner).filter_map(|ask| match ask {
        PartnerAsk::Handoff(id) => state.handoff(&id).map(|handoff| OpenAsk {
            session: handoff.session,
            channel: handoff.channel.clone(),
            queue: None,
        }),
        PartnerAsk::Routing(id) => state.routing_request(&id).map(|asked| OpenAsk {
            session: asked.session,
            channel: asked.channel.clone(),
            queue: asked.queue.clone(),
        }),
    })
}

fn queues(state: &State) -> impl Iterator<Item = &Queue> {
    let all = RecordKey::Queue(QueueId::least())..RecordKey::Flow(FlowId::least());
    state.range(all).filter_map(|record| match record {
        Record::Queue(queue) => Some(&**queue),
        _ => None,
    })
}

fn partner_of(queue: &Queue) -> Option<&PartnerId> {
    queue.partner.as_ref().map(|of| &of.partner)
}

/// What uses a partner besides the directory (D3).
pub(super) fn live_user(state: &State, key: &RecordKey) -> Option<String> {
    let RecordKey::Partner(partner) = key else { return None };
    session_with(state, partner).map(|session| format!("session {session}"))
}

/// A session that a partner is asked about, that waits for it, or that a contact of its has.
fn session_with(state: &State, partner: &PartnerId) -> Option<SessionId> {
    let asked = open_asks(state, partner).map(|ask| ask.session).next();
    let waits = || state.standing(&Line::Partner(partner.clone())).next();
    let has = || sessions(state).find(|s| is_with(s, partner)).map(|session| session.id);
    asked.or_else(waits).or_else(has)
}

/// Does a contact of the partner have the session?
fn is_with(session: &Session, partner: &PartnerId) -> bool {
    matches!(&session.state, SessionState::External { contact, .. } if contact.partner == *partner)
}

/// A session of a channel that waits for a partner, that the partner is asked about, or that a contact of its has.
fn session_of_channel(
    state: &State,
    partner: &PartnerId,
    channel: &ChannelId,
) -> Option<SessionId> {
    let own = queues(state).filter(|queue| partner_of(queue) == Some(partner));
    let own = own.map(|queue| Line::Queue(queue.id.clone()));
    let lines = std::iter::once(Line::Partner(partner.clone())).chain(own);
    let mut waiting = lines.flat_map(|line| state.standing(&line).collect::<Vec<_>>());
    let of_channel = |id: &SessionId| state.session(id).is_some_and(|s| s.channel == *channel);
    let asked = open_asks(state, partner).find(|ask| ask.channel == *channel);
    let has = || sessions(state).find(|s| s.channel == *channel && is_with(s, partner));
    let stands = asked.map(|ask| ask.session).or_else(|| waiting.find(of_channel));
    stands.or_else(|| has().map(|session| session.id))
}

/// A session that stands in a queue, or that the partner whose queue it is, is asked about for it.
pub(super) fn session_in_queue(
    state: &State,
    partner: Option<&PartnerId>,
    queue: &QueueId,
) -> Option<SessionId> {
    let stands = state.standing(&Line::Queue(queue.clone())).next();
    stands.or_else(|| {
        let mut asked = open_asks(state, partner?);
        asked.find(|ask| ask.queue.as_ref() == Some(queue)).map(|ask| ask.session)
    })
}

/// That the partner of a channel or queue stays who it is while sessions wait for it there (N1).
///
/// # Errors
/// IN_USE, with one of the sessions.
pub(super) fn check_owners(draft: &Draft<'_>, written: &[Record]) -> Result<(), Rejection> {
    for record in written {
        let key = record.key();
        let user = match (draft.before(&key), record) {
            (Some(Record::Channel(before)), Record::Channel(after))
                if before.partner() != after.partner() =>
            {
                before.partner().and_then(|of| session_of_channel(draft, of, &after.id))
            }
            (Some(Record::Queue(before)), Record::Queue(after))
                if partner_of(&before) != partner_of(after) =>
            {
                session_in_queue(draft, partner_of(&before), &after.id)
            }
            _ => None,
        };
        if let Some(session) = user {
            let why = format!("session {session}, so that its partner can't change");
            return Err(in_use(&key, why));
        }
    }
    Ok(())
}

/// What is known of something only through its partner goes when that does, or isn't its partner any more.
pub(super) fn forget(draft: &mut Draft<'_>, key: &RecordKey) {
    let known = match key {
        RecordKey::Partner(id) => {
            vec![RecordKey::PartnerHealth(id.clone()), RecordKey::ContactBook(id.clone())]
        }
        RecordKey::Queue(id) => vec![RecordKey::QueueReport(id.clone())],
        _ => Vec::new(),
    };
    for key in known {
        if draft.record(&key).is_some() {
            draft.remove(key);
        }
    }
}

/// The same of queues that are another's now.
pub(super) fn forget_reports(draft: &mut Draft<'_>, written: &[Record]) {
    for record in written {
        let key = record.key();
        let changed = matches!(
            (draft.before(&key), record),
            (Some(Record::Queue(before)), Record::Queue(after)) if partner_of(&before) != partner_of(after)
        );
        if changed {
            forget(draft, &key);
        }
    }
}
