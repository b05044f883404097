//! Places in waiting lines, in the order of R2, and the standing of reps in their queues, in the
//! order of R3. Both are derived from one record each, and are keys of the state's index: what a
//! search needs to know is in the key, so that it looks nothing up.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::directory::RoutingModel;
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId, SkillId};
use crate::domain::live::{
    Connection, Line, OpenAskKind, Presence, RepPresence, RepReach, Session,
};
use crate::domain::load::RepLoad;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::{Units, Weight};

/// What a waiting session asks of the rep who takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNeeds {
    /// Its channel, whose type the rep must be online for and entitled to.
    pub channel: ChannelId,
    /// Skills with their minimum levels, those wished for included (R4).
    pub needs: Vec<(SkillId, u32)>,
    /// Not every rep of its queue may take it: some passed it by, or gave it away (R5, R6, T9).
    pub restricted: bool,
}

impl SessionNeeds {
    /// Has somebody with these skills what it needs (R4)?
    #[must_use]
    pub fn is_met_by(&self, skills: &BTreeMap<SkillId, u32>) -> bool {
        skilled(skills, self.needs.iter().map(|(skill, level)| (skill, level)))
    }
}

/// What a session asks for however long it waits (R11): unlike [`SessionNeeds`], nothing that it only wishes for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Demand {
    /// Its channel.
    pub channel: ChannelId,
    /// The skills it requires, with their minimum levels.
    pub required: BTreeMap<SkillId, u32>,
}

impl Demand {
    /// What `session` asks for.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self { channel: session.channel.clone(), required: session.required.clone() }
    }

    /// Before every other.
    #[must_use]
    pub fn least() -> Self {
        Self { channel: ChannelId::least(), required: BTreeMap::new() }
    }
}

/// A session's place in its line. Lower is nearer to the front (R2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinePlace {
    /// Lower goes first.
    pub priority: u32,
    /// The session's age counts from here (T22).
    pub opened_at: Timestamp,
    /// Which; ids sort by arrival.
    pub session: SessionId,
    /// What it asks for.
    pub ask: Arc<SessionNeeds>,
}

impl LinePlace {
    /// The place of a session that waits and isn't being offered.
    #[must_use]
    pub fn of(session: &Session) -> Option<Self> {
        session.waits_for_an_offer().then(|| Self::would_be(session))
    }

    /// The place that a session has in its line, or would have.
    #[must_use]
    pub fn would_be(session: &Session) -> Self {
        let gave_away = session.transfer.is_some() && session.line.queue().is_some();
        let ask = SessionNeeds {
            channel: session.channel.clone(),
            needs: needs(session).into_iter().collect(),
            restricted: gave_away || !session.passed_by.is_empty(),
        };
        Self {
            priority: session.priority,
            opened_at: session.opened_at,
            session: session.id,
            ask: Arc::new(ask),
        }
    }

    /// Before every place of this priority, or a higher one.
    #[must_use]
    pub fn first_of(priority: u32) -> Self {
        let channel = ChannelId::least();
        let ask = Arc::new(SessionNeeds { channel, needs: Vec::new(), restricted: false });
        Self { priority, opened_at: Timestamp::MIN, session: SessionId::MIN, ask }
    }
}

/// The skills that a session insists on now: those required and those wished for (R4).
#[must_use]
pub fn needs(session: &Session) -> BTreeMap<SkillId, u32> {
    let mut needs = session.required.clone();
    for (skill, wish) in &session.wished {
        let level = needs.entry(skill.clone()).or_default();
        *level = wish.level.max(*level);
    }
    needs
}

/// What R3 orders the reps of a queue by. Lower is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRank {
    /// Pieces of work under LEAST_ACTIVE; the missing part of the largest possible free capacity
    /// under MOST_AVAILABLE.
    pub load: u64,
    /// First tie-break: no work at all goes first.
    pub has_work: bool,
    /// Second: who signed in earliest.
    pub signed_in: Timestamp,
    /// Third: who was assigned work longest ago; never, before all others.
    pub assigned: Option<Timestamp>,
}

/// A rep who is there for a queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberStanding {
    /// Without room for anything: after everyone who has some.
    pub full: bool,
    /// Where they stand among the others.
    pub rank: MemberRank,
    /// Who.
    pub rep: RepId,
    /// Capacity left.
    pub free: Units,
    /// Capacity left for interruptible work (C5).
    pub idle: Units,
    /// What they may do.
    pub reach: Arc<RepReach>,
}

impl MemberStanding {
    /// The standing of a rep in each of their queues; in none unless their client is there and they
    /// are online for something they are entitled to.
    pub fn each(live: &RepPresence, presence: &Presence, mut put: impl FnMut(QueueId, Self)) {
        let reach = &presence.reach;
        if presence.connection != Connection::Connected || reach.takes.is_empty() {
            return;
        }
        let load = RepLoad::of(live, reach);
        let (full, free, idle) = (load.is_full(), load.free(), load.idle());
        for (queue, model) in &reach.queues {
            let load = match model {
                RoutingModel::LeastActive => u64::from(live.work_count),
                RoutingModel::MostAvailable => (Units::MAX - free).as_centi(),
            };
            let rank = MemberRank {
                load,
                has_work: live.work_count > 0,
                signed_in: presence.opened_at,
                assigned: live.assigned_at,
            };
            let (rep, reach) = (live.rep.clone(), reach.clone());
            put(queue.clone(), Self { full, rank, rep, free, idle, reach });
        }
    }

    /// Their standing in one queue.
    #[must_use]
    pub fn of(live: &RepPresence, queue: &QueueId) -> Option<Self> {
        let mut found = None;
        Self::each(live, live.presence.as_ref()?, |q, standing| {
            if q == *queue {
                found = Some(standing);
            }
        });
        found
    }

    /// Before every rep who has room, or after all of those and before the first who is full.
    #[must_use]
    pub fn first(full: bool) -> Self {
        let rank =
            MemberRank { load: 0, has_work: false, signed_in: Timestamp::MIN, assigned: None };
        let reach = Arc::default();
        let none = Units::ZERO;
        Self { full, rank, rep: RepId::least(), free: none, idle: none, reach }
    }

    /// Has the rep room for this much of one of the two kinds of work (C5)?
    #[must_use]
    pub fn has_room(&self, weight: Weight, interruptible: bool) -> bool {
        let left = if interruptible { self.idle } else { self.free };
        !self.full && left > Units::ZERO && weight.for_capacity(self.reach.capacity) <= left
    }

    /// Does the rep have these skills (R4)?
    #[must_use]
    pub fn meets(&self, needs: &BTreeMap<SkillId, u32>) -> bool {
        skilled(&self.reach.skills, needs)
    }
}

/// Are all of `needs` met (R4)?
#[must_use]
pub fn skilled<'n>(
    skills: &BTreeMap<SkillId, u32>,
    needs: impl IntoIterator<Item = (&'n SkillId, &'n u32)>,
) -> bool {
    needs.into_iter().all(|(skill, level)| skills.get(skill).is_some_and(|has| has >= level))
}

/// How long a session had waited when it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueWait {
    /// From joining the line to being accepted (E1).
    pub wait: Span,
    /// What was estimated as it joined; absent if nothing was (E5).
    pub estimated: Option<Span>,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexCount {
    /// Sessions that wait in a line and aren't being offered.
    Waiting(Line),
    /// Reps with room who are there for a queue.
    Ready(QueueId),
    /// Reps without room who are there for a queue.
    Full(QueueId),
    /// Reps who are there for a queue with room for interruptible work (C5).
    Idle(QueueId),
    /// Reps who have a skill.
    Skilled(SkillId),
    /// What a partner is being asked, by kind (N7).
    OpenAsks(PartnerId, OpenAskKind),
    /// Sessions that haven't ended.
    Sessions,
    /// Queues.
    Queues,
    /// Reps.
    Reps,
}
