//! Nothing waits where it can never be served (R11): what a change of the directory would leave nobody for keeps it from
//! being made, or moves to another queue, as what waits in a queue that is deleted does (D3). What counts as stranded,
//! and isn't any more, is seen to as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::decide::destination::serves;
use crate::domain::decide::partner;
use crate::domain::decide::strand;
use crate::domain::draft::Draft;
use crate::domain::eligibility::is_there;
use crate::domain::id::{QueueId, RepId, SessionId};
use crate::domain::line::Demand;
use crate::domain::live::{Line, Session, WorkState};
use crate::domain::prospects::{anybody_could, anybody_could_by, could};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Rejection};

use super::partners::names_partners;
use super::references::in_use;

/// The directory as it was before the decision.
struct Before<'a, 'd>(&'a Draft<'d>);

impl RecordLookup for Before<'_, '_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        self.0.before(key)
    }
}

/// Who of a queue can do more or less than before.
enum Concerned {
    Reps(BTreeSet<RepId>),
    Anybody,
}

impl Concerned {
    fn and(&mut self, reps: impl IntoIterator<Item = RepId>) {
        if let Self::Reps(known) = self {
            known.extend(reps);
        }
    }
}

/// Sessions that were moved from one queue to another.
pub(super) struct Moved {
    from: QueueId,
    to: QueueId,
    demand: Arc<Demand>,
}

/// Sees to it that whatever stands in a queue can be served as well as before.
///
/// # Errors
/// IN_USE if nobody could, and there is no queue to move to, or nobody could there either; QUEUE_NOT_FOR_CHANNEL if that
/// doesn't serve the channel.
pub(super) fn keep_served(
    draft: &mut Draft<'_>,
    move_to: Option<&QueueId>,
    mut moved: Vec<Moved>,
) -> Result<(), Rejection> {
    let (mut left, mut relieved) = (BTreeMap::new(), Vec::new());
    for (queue, reps) in concerned(draft) {
        let returning = returning(draft, &queue, &reps);
        // What has only just come is judged by where it came from.
        let stays = |demand: &Arc<Demand>| {
            draft.demanding(&queue, demand).any(|session| !draft.arrives(session))
        };
        for demand in draft.demands(&queue).chain(returning.keys()) {
            let back = returning.get(demand);
            let reps = if back.is_some() { &Concerned::Anybody } else { &reps };
            if (back.is_some() || stays(demand)) && left_alone(draft, &queue, demand, reps) {
                let back = back.into_iter().flatten().copied();
                let sessions: BTreeSet<_> = draft.demanding(&queue, demand).chain(back).collect();
                left.insert((queue.clone(), demand.clone()), sessions);
            }
        }
        if draft.stranded_demands(&queue).any(|demand| gained(draft, &queue, demand, &reps)) {
            relieved.push(queue);
        }
    }
    for ((from, demand), sessions) in left {
        match move_to {
            Some(to) if *to != from => moved.extend(moved_on(draft, &from, to, sessions)?),
            _ => return Err(nobody_left(draft, &from, &demand, sessions.len())),
        }
    }
    for Moved { from, to, demand } in moved {
        if !anybody_could(draft, &to, &demand) && anybody_could_by(&Before(draft), &from, &demand) {
            return Err(nobody_there(draft, &from, &to, &demand));
        }
    }
    let mut room = strand::AT_ONCE;
    for queue in relieved {
        strand::relieve(draft, &queue, &mut room);
    }
    Ok(())
}

/// Sessions that are being offered out of a queue to these reps, who can't accept them any more, so that they come back to
/// it (T26), by what they ask for.
fn returning(
    draft: &Draft<'_>,
    queue: &QueueId,
    reps: &Concerned,
) -> BTreeMap<Arc<Demand>, Vec<SessionId>> {
    let sessions: Vec<SessionId> = match reps {
        Concerned::Anybody => draft.offered_from(&Line::Queue(queue.clone())).collect(),
        Concerned::Reps(reps) => {
            let works = reps.iter().flat_map(|rep| draft.work_of_rep(rep));
            let offered = works.filter(|work| work.state == WorkState::Offered);
            let sessions = offered.map(|work| work.session);
            sessions.filter(|id| line_of(draft, *id).as_ref() == Some(queue)).collect()
        }
    };
    let mut returning: BTreeMap<Arc<Demand>, Vec<SessionId>> = BTreeMap::new();
    for id in sessions.into_iter().filter(|id| comes_back(draft, *id)) {
        if let Some(session) = draft.session(&id) {
            returning.entry(Arc::new(Demand::of(&session))).or_default().push(id);
        }
    }
    returning
}

/// The queue to which a session comes back that is being offered: its transfer's, while one is under way.
fn line_of(draft: &Draft<'_>, id: SessionId) -> Option<QueueId> {
    let session = draft.session(&id)?;
    let transfer = session.transfer.and_then(|id| draft.transfer(&id));
    transfer.as_ref().map_or(&session.line, |transfer| &transfer.line).queue().cloned()
}

/// Is a session being offered to somebody who can't accept it any more (T26)?
fn comes_back(draft: &Draft<'_>, id: SessionId) -> bool {
    let offered = draft.work_of_session(id).find(|work| work.state == WorkState::Offered);
    let channel = draft.session(&id).and_then(|session| draft.channel(&session.channel));
    offered
        .zip(channel)
        .is_some_and(|(work, channel)| !is_there(draft, &draft.rep_presence(&work.rep), &channel))
}

/// The queues whose sessions somebody may serve now who couldn't before, or the other way round. What only renames things
/// concerns none.
fn concerned(draft: &Draft<'_>) -> BTreeMap<QueueId, Concerned> {
    let mut queues: BTreeMap<QueueId, Concerned> = BTreeMap::new();
    for key in draft.written_keys() {
        let (before, after) = (draft.before(key), draft.record(key));
        match (&before, &after) {
            (Some(Record::Queue(before)), Some(Record::Queue(after))) => {
                if before.channel_types != after.channel_types {
                    queues.insert(after.id.clone(), Concerned::Anybody);
                }
                let changed = before.reps.symmetric_difference(&after.reps).cloned();
                add(&mut queues, &after.id, changed);
            }
            (before, Some(Record::Rep(after))) => {
                let same = matches!(before, Some(Record::Rep(before))
                    if (&before.profile, &before.licences, &before.permissions, &before.skills)
                        == (&after.profile, &after.licences, &after.permissions, &after.skills));
                for queue in draft.queues_of(&after.id).filter(|_| !same) {
                    add(&mut queues, queue, [after.id.clone()]);
                }
            }
            (Some(Record::Profile(before)), Some(Record::Profile(after)))
                if before.statuses != after.statuses =>
            {
                everywhere(draft, &mut queues);
            }
            (Some(Record::Status(before)), Some(Record::Status(after)))
                if before.online_for != after.online_for =>
            {
                everywhere(draft, &mut queues);
            }
            _ => {}
        }
    }
    // What waits there the partner routes (N1).
    queues.retain(|queue, _| draft.queue(queue).is_none_or(|queue| queue.partner.is_none()));
    queues
}

fn add(
    queues: &mut BTreeMap<QueueId, Concerned>,
    queue: &QueueId,
    reps: impl IntoIterator<Item = RepId>,
) {
    let nobody = || Concerned::Reps(BTreeSet::new());
    queues.entry(queue.clone()).or_insert_with(nobody).and(reps);
}

fn everywhere(draft: &Draft<'_>, queues: &mut BTreeMap<QueueId, Concerned>) {
    let all = draft.range(RecordKey::Queue(QueueId::least())..).map_while(|record| match record {
        Record::Queue(queue) => Some((queue.id.clone(), Concerned::Anybody)),
        _ => None,
    });
    queues.extend(all);
}

/// Can somebody take it now, of those who can do more or less than before?
fn gained(draft: &Draft<'_>, queue: &QueueId, demand: &Demand, reps: &Concerned) -> bool {
    match reps {
        Concerned::Anybody => anybody_could(draft, queue, demand),
        Concerned::Reps(reps) => reps.iter().any(|rep| could(draft, queue, demand, rep)),
    }
}

/// Can nobody take it any more, though somebody could?
fn left_alone(draft: &Draft<'_>, queue: &QueueId, demand: &Demand, reps: &Concerned) -> bool {
    let before = Before(draft);
    let lost =
        |rep: &RepId| could(&before, queue, demand, rep) && !could(draft, queue, demand, rep);
    let some_lost = match reps {
        Concerned::Anybody => true,
        Concerned::Reps(reps) => reps.iter().any(lost),
    };
    some_lost && !anybody_could(draft, queue, demand) && anybody_could_by(&before, queue, demand)
}

/// What is asked for, in words: the type of the channel, and the skills.
fn in_words(draft: &Draft<'_>, demand: &Demand) -> String {
    let channel = draft.channel(&demand.channel);
    let kind = channel.map_or("?", |channel| channel.channel_type.name());
    let skills: Vec<String> =
        demand.required.iter().map(|(skill, level)| format!("{skill} {level}")).collect();
    match skills.is_empty() {
        true => kind.to_owned(),
        false => format!("{kind} requiring {}", skills.join(", ")),
    }
}

fn nobody_left(
    draft: &Draft<'_>,
    queue: &QueueId,
    demand: &Arc<Demand>,
    sessions: usize,
) -> Rejection {
    let what = match sessions {
        1 => format!("1 session of {}", in_words(draft, demand)),
        many => format!("{many} sessions of {}", in_words(draft, demand)),
    };
    let user = format!(
        "{what}, which no rep of it could take after this change; name another queue to move them to"
    );
    in_use(&RecordKey::Queue(queue.clone()), user)
}

fn nobody_there(draft: &Draft<'_>, from: &QueueId, to: &QueueId, demand: &Demand) -> Rejection {
    let what = in_words(draft, demand);
    let user = format!(
        "sessions of {what}, which no rep of queue {to} could take either; name another queue to move them to"
    );
    in_use(&RecordKey::Queue(from.clone()), user)
}

/// That the queue to move to exists, isn't the one to be deleted, and is Baton's.
///
/// # Errors
/// INVALID_FIELD.
pub(super) fn check_move(
    draft: &Draft<'_>,
    deleted: Option<&RecordKey>,
    to: Option<&QueueId>,
) -> Result<(), Rejection> {
    let Some(to) = to else { return Ok(()) };
    let why = if deleted == Some(&RecordKey::Queue(to.clone())) {
        "is the queue that is to be deleted; name another".to_owned()
    } else {
        match draft.queue(to) {
            None => format!("names {to}, which doesn't exist"),
            Some(queue) => match names_partners(&queue) {
                Some(why) => why,
                None => return Ok(()),
            },
        }
    };
    Err(Rejection::invalid(vec![BadField { field: "move_to".to_owned(), why }]))
}

/// Empties the queue `from`, which is to be deleted, into the queue `to`, where its sessions stand at
/// their original age (D3, T22).
///
/// # Errors
/// IN_USE if sessions stand in it and there is nowhere to move them; QUEUE_NOT_FOR_CHANNEL if the
/// other queue doesn't serve the channel of one of them.
pub(super) fn emptied_into(
    draft: &mut Draft<'_>,
    from: &QueueId,
    to: Option<&QueueId>,
) -> Result<Vec<Moved>, Rejection> {
    let standing: Vec<SessionId> = draft.standing(&Line::Queue(from.clone())).collect();
    if let Some(to) = to {
        return moved_on(draft, from, to, standing);
    }
    let sessions = match standing.len() {
        0 => return Ok(Vec::new()),
        1 => "1 waiting session; name a queue to move it to".to_owned(),
        many => format!("{many} waiting sessions; name a queue to move them to"),
    };
    Err(in_use(&RecordKey::Queue(from.clone()), sessions))
}

/// Moves sessions of a queue to another one.
fn moved_on(
    draft: &mut Draft<'_>,
    from: &QueueId,
    to: &QueueId,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<Vec<Moved>, Rejection> {
    let queue = draft.expect_queue(to)?;
    let mut demands = BTreeSet::new();
    for id in sessions {
        let session = draft.expect_session(id)?;
        serves(&queue, &*draft.expect_channel(&session.channel)?)?;
        // One that somebody is being asked to take is theirs to take (T26), as long as they can.
        if session.waits_for_an_offer() || comes_back(draft, id) {
            demands.insert(Arc::new(Demand::of(&session)));
        }
        let session = Arc::unwrap_or_clone(session);
        move_on(draft, session, &Line::Queue(from.clone()), &Line::Queue(to.clone()));
    }
    let (from, to) = (from.clone(), to.clone());
    let moved = |demand| Moved { from: from.clone(), to: to.clone(), demand };
    Ok(demands.into_iter().map(moved).collect())
}

/// Moves a session from one line to another. One that is being offered to somebody stays with them,
/// and would fall back to the other line; so does one whose owner is handing it on.
fn move_on(draft: &mut Draft<'_>, mut session: Session, from: &Line, to: &Line) {
    if let Some(transfer) = session.transfer.and_then(|id| draft.transfer(&id)) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        if transfer.line == *from {
            transfer.line = to.clone();
            draft.put_transfer(transfer);
        }
    }
    if session.owner().is_some() || session.line != *from {
        if session.open_ask().is_some() {
            partner::withdraw(draft, &mut session, false);
            session.stay = None;
            return draft.put_arrival(session);
        }
        // Its line is the transfer's: whoever looks at the session sees another one.
        draft.put_settled(session);
        return;
    }
    if session.waits_for_an_offer() {
        session.state = Session::WAITING;
    }
    partner::withdraw(draft, &mut session, false);
    session.stay = None;
    session.line = to.clone();
    session.line_since = draft.now();
    session.estimated = None;
    if session.waits_for_an_offer() {
        draft.put_arrival(session);
    } else {
        draft.put_session(session);
    }
}
