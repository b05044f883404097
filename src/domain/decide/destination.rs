//! Where a new or transferred session goes (R8–R10, T9–T11): a target or a recipient becomes a line,
//! with the skills, attributes and priority that come with it. What waits where, and who is asked,
//! is `route`'s part.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::admission::admitting;
use crate::domain::aliases::{queue_meant, rep_meant};
use crate::domain::command::{Skills, Target};
use crate::domain::directory::{Channel, DefaultTarget, Queue};
use crate::domain::draft::Draft;
use crate::domain::eligibility::{Check, handing_on, queue_takes, receiving};
use crate::domain::external::{external_checks, external_contact, external_refusal};
use crate::domain::flow::{self, FlowTarget, SkillsTarget, Trace};
use crate::domain::flow_world::{self, Org};
use crate::domain::id::{ContactId, FlowId, QueueId, RepId, SkillId};
use crate::domain::live::{
    Actor, ContactRef, Line, PartnerStay, Recipient, RoutingCause, Session, SkillWish,
};
use crate::domain::reasons::{entitled, line_refusal, refusal};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Reason, Rejection};

/// Where a session goes.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// The line.
    pub line: Line,
    /// The priority that sessions have there which have none of their own.
    pub default_priority: u32,
    /// Skills asked for on the way.
    pub skills: Skills,
    /// How the flow decided, if one did.
    pub trace: Option<Arc<Trace>>,
    /// In a partner's line: the contact to whom it is to be handed.
    pub contact: Option<ContactId>,
    /// In a partner's line: what was asked for in particular.
    pub asked_for: Option<Recipient>,
}

/// Whether a queue's limits hold for what comes to it (R9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// They do for new work.
    New,
    /// They don't for what comes back.
    Back,
}

impl Destination {
    const fn line(line: Line) -> Self {
        Self {
            line,
            default_priority: 0,
            skills: Skills { required: BTreeMap::new(), additional: BTreeMap::new() },
            trace: None,
            contact: None,
            asked_for: None,
        }
    }

    /// The rep, or, where the channel's partner routes what is meant for reps too, the partner (N1).
    pub(crate) fn rep(rep: &RepId, channel: &Channel) -> Self {
        match channel.partner().filter(|_| channel.partner_routes_reps) {
            Some(partner) => Self {
                asked_for: Some(Recipient::Rep(rep.clone())),
                ..Self::line(Line::Partner(partner.clone()))
            },
            None => Self::line(Line::Rep(rep.clone())),
        }
    }

    /// Where a new session goes (R10). A partner may name the rep or the queue by its own id (N8).
    ///
    /// # Errors
    /// Whatever the target is refused for.
    pub(crate) fn of_new(
        draft: &Draft<'_>,
        (actor, target): (&Actor, Option<&Target>),
        session: &mut Session,
        channel: &Channel,
    ) -> Result<Self, Rejection> {
        match target {
            None => Self::untargeted(draft, session, channel, Admission::New),
            Some(Target::Rep(named)) => {
                direct_routing(draft)?;
                let rep = rep_meant(draft, actor, named)?;
                entitled(&rep, channel)?;
                Ok(Self::rep(&rep.id, channel))
            }
            Some(Target::Queue(named)) => {
                let queue = queue_meant(draft, actor, named)?;
                Self::queue(draft, &queue, channel, Admission::New)
            }
            Some(Target::Skills(target)) => {
                let (required, additional) = (target.required.clone(), target.additional.clone());
                check_skills(draft, &Skills { required, additional })?;
                Self::skills(draft, target, channel, Admission::New)
            }
            Some(Target::Flow(flow)) => {
                Self::flow(draft, flow, session, channel, (false, Admission::New))
            }
        }
    }

    /// Where sessions of the channel go that have no target (O7): where it says, or to the partner that routes it (N1).
    ///
    /// # Errors
    /// INVALID_FIELD without either; whatever its default is refused for.
    pub(crate) fn untargeted(
        draft: &Draft<'_>,
        session: &mut Session,
        channel: &Channel,
        admission: Admission,
    ) -> Result<Self, Rejection> {
        match (&channel.default_target, channel.partner()) {
            (Some(DefaultTarget::Queue(queue)), _) => Self::queue(draft, queue, channel, admission),
            (Some(DefaultTarget::Flow(flow)), _) => {
                Self::flow(draft, flow, session, channel, (false, admission))
            }
            (None, Some(partner)) => Ok(Self::line(Line::Partner(partner.clone()))),
            (None, None) => {
                let id = &channel.id;
                let why = format!(
                    "isn't given, and channel {id} has no default_target and no partner that routes \
                     it; name a rep, a queue, a flow or skills"
                );
                Err(Rejection::invalid(vec![BadField { field: "target".to_owned(), why }]))
            }
        }
    }

    /// A contact of the partner that routes the channel (T12).
    ///
    /// # Errors
    /// EXTERNAL_CONTACT_NOT_AVAILABLE.
    pub(crate) fn contact(
        draft: &Draft<'_>,
        of: &ContactRef,
        channel: &Channel,
    ) -> Result<Self, Rejection> {
        let known = external_contact(draft, channel, of);
        let unavailable =
            |check: &Check| !check.passed && check.reason == Reason::ExternalContactNotAvailable;
        let mut checks = external_checks(draft, None, channel, known.as_ref()).into_iter();
        if let Some(check) = checks.find(unavailable) {
            return Err(external_refusal(check, of, channel));
        }
        Ok(Self {
            contact: Some(of.contact.clone()),
            asked_for: Some(Recipient::Contact(of.clone())),
            ..Self::line(Line::Partner(of.partner.clone()))
        })
    }

    /// The queue, or the one that takes its work when it is long (R9).
    ///
    /// # Errors
    /// NOT_FOUND; QUEUE_NOT_FOR_CHANNEL; LIMIT_EXCEEDED if it is full.
    pub(crate) fn queue(
        draft: &Draft<'_>,
        id: &QueueId,
        channel: &Channel,
        admission: Admission,
    ) -> Result<Self, Rejection> {
        let queue = draft.expect_queue(id)?;
        serves(&queue, channel)?;
        let taken = match admission {
            Admission::New => admitting(draft, draft.now(), queue),
            Admission::Back => Some(queue),
        };
        let Some(taken) = taken else {
            let full = Recipient::Queue(id.clone());
            return Err(line_refusal(Reason::LimitExceeded, &full, channel));
        };
        serves(&taken, channel)?;
        Ok(Self {
            default_priority: taken.default_priority,
            asked_for: taken.partner.as_ref().map(|_| Recipient::Queue(taken.id.clone())),
            ..Self::line(Line::Queue(taken.id.clone()))
        })
    }

    /// A queue whose reps are asked for these skills: the one named, or the channel's fallback.
    ///
    /// # Errors
    /// As [`Destination::queue`]; DIRECT_TO_REP_ROUTING_DISABLED; INVALID_FIELD without a queue.
    pub(crate) fn skills(
        draft: &Draft<'_>,
        target: &SkillsTarget,
        channel: &Channel,
        admission: Admission,
    ) -> Result<Self, Rejection> {
        direct_routing(draft)?;
        let skills =
            Skills { required: target.required.clone(), additional: target.additional.clone() };
        if let (None, None, Some(partner)) =
            (&target.queue, &channel.fallback_queue, channel.partner())
        {
            return Ok(Self { skills, ..Self::line(Line::Partner(partner.clone())) });
        }
        let Some(queue) = target.queue.as_ref().or(channel.fallback_queue.as_ref()) else {
            let why = format!(
                "is needed: channel {} has no fallback queue to wait in for these skills",
                channel.id
            );
            let field = "skills.queue".to_owned();
            return Err(Rejection::invalid(vec![BadField { field, why }]));
        };
        if let Some(of) = draft.queue(queue).and_then(|queue| queue.partner.clone()) {
            let why =
                format!("names {queue}, a queue of partner {}'s; name one of Baton's", of.partner);
            let field = "skills.queue".to_owned();
            return Err(Rejection::invalid(vec![BadField { field, why }]));
        }
        Ok(Self { skills, ..Self::queue(draft, queue, channel, admission)? })
    }

    /// Wherever the flow decides; what it sets, it sets on `session` (R8).
    ///
    /// # Errors
    /// NOT_FOUND; whatever the decision's target is refused for.
    pub(crate) fn flow(
        draft: &Draft<'_>,
        id: &FlowId,
        session: &mut Session,
        channel: &Channel,
        (transferred, admission): (bool, Admission),
    ) -> Result<Self, Rejection> {
        let flow = draft.expect_flow(id)?;
        let now = draft.now();
        let facts = flow_world::facts(&draft.settings(), channel, session, transferred, now);
        let org = Org {
            state: draft.state(),
            now,
            channel_type: channel.channel_type,
            instead: BTreeMap::new(),
        };
        let run = flow::run(&flow, &facts, &org);
        session.attributes = run.outcome.attributes;
        let target = run.outcome.decision.map(|decision| {
            if let Some(priority) = decision.set_priority {
                session.priority = priority;
                session.priority_given = true;
            }
            decision.target
        });
        let found = match target {
            Some(FlowTarget::Queue(queue)) => Self::queue(draft, &queue, channel, admission)?,
            Some(FlowTarget::Skills(target)) => Self::skills(draft, &target, channel, admission)?,
            Some(FlowTarget::Rep(rep)) => {
                direct_routing(draft)?;
                Self::rep(&draft.expect_rep(&rep)?.id, channel)
            }
            Some(FlowTarget::Contact(partner, contact)) => {
                Self::contact(draft, &ContactRef { partner, contact }, channel)?
            }
            Some(FlowTarget::Flow(_)) | None => {
                let message = format!("flow {id} decided on nothing that a session can go to");
                return Err(Rejection::new(Reason::WrongState, "flow", id, message));
            }
        };
        Ok(Self { trace: Some(Arc::new(run.trace)), ..found })
    }

    /// Notes on the session what its partner is to be asked, if it goes to a partner's line for this reason. A stay that it has
    /// there already goes on; one that it has elsewhere is over, also while somebody hands the session on.
    pub(crate) fn enter(&self, draft: &Draft<'_>, session: &mut Session, cause: RoutingCause) {
        let Some(partner) = draft.partner_of(&self.line) else {
            session.stay = None;
            return;
        };
        let mut stay = match session.stay.take() {
            Some(stay) if stay.partner == partner => *stay,
            _ => PartnerStay::at(partner, cause),
        };
        stay.contact = self.contact.clone();
        if self.asked_for.is_some() {
            stay.asked_for = self.asked_for.clone();
        }
        session.stay = Some(Box::new(stay));
    }

    /// Puts the session's skills and priority as they are to be there. A partner asked about it is told its priority of before.
    pub(crate) fn prepare(&self, draft: &Draft<'_>, session: &mut Session) {
        if !session.priority_given && !matches!(self.line, Line::Partner(_)) {
            session.priority = self.default_priority;
        }
        ask_for(draft, session, &self.skills);
    }
}

/// Adds to what a session asks for (R4); wishes count from now.
pub(crate) fn ask_for(draft: &Draft<'_>, session: &mut Session, skills: &Skills) {
    for (skill, level) in &skills.required {
        let known = session.required.entry(skill.clone()).or_default();
        *known = level.max(known).to_owned();
    }
    for (skill, wished) in &skills.additional {
        let wish = SkillWish { level: wished.level, until: draft.now() + wished.timeout };
        session.wished.insert(skill.clone(), wish);
    }
}

/// T10.
///
/// # Errors
/// DIRECT_TO_REP_ROUTING_DISABLED.
pub(crate) fn direct_routing(records: &impl RecordLookup) -> Result<(), Rejection> {
    if records.settings().direct_to_rep_routing {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::DirectToRepRoutingDisabled,
        "org_settings",
        "skills_based_and_direct_to_rep_routing",
        "the org setting skills_based_and_direct_to_rep_routing is off",
    ))
}

/// Every skill that is asked for exists, and its level is one.
///
/// # Errors
/// INVALID_FIELD with all that don't.
pub(crate) fn check_skills(records: &impl RecordLookup, skills: &Skills) -> Result<(), Rejection> {
    let required = skills.required.keys().map(|skill| ("required_skills", skill));
    let additional = skills.additional.keys().map(|skill| ("additional_skills", skill));
    let missing = |(_, skill): &(&str, &SkillId)| records.skill(skill).is_none();
    let bad: Vec<BadField> = required
        .chain(additional)
        .filter(missing)
        .map(|(field, skill)| BadField {
            field: field.to_owned(),
            why: format!("names {skill}, which doesn't exist"),
        })
        .collect();
    if bad.is_empty() { Ok(()) } else { Err(Rejection::invalid(bad)) }
}

/// What forbids handing a session of `channel` from `owner` to `rep` (T10, T13–T16, L1).
///
/// # Errors
/// The first rule that isn't passed.
pub(crate) fn may_receive(
    draft: &Draft<'_>,
    owner: &RepId,
    rep: &RepId,
    channel: &Channel,
) -> Result<(), Rejection> {
    let rep = draft.expect_rep(rep)?;
    let receiving = receiving(draft, &rep, channel, None);
    let mut checks = handing_on(draft, Some(owner), &rep, channel).into_iter().chain(receiving);
    let failed = |check: &Check| check.forbids && !check.passed;
    checks.find(failed).map_or(Ok(()), |check| Err(refusal(check.reason, &rep, channel)))
}

/// # Errors
/// QUEUE_NOT_FOR_CHANNEL.
pub(crate) fn serves(queue: &Queue, channel: &Channel) -> Result<(), Rejection> {
    if queue_takes(queue, channel) {
        return Ok(());
    }
    let unserving = Recipient::Queue(queue.id.clone());
    Err(line_refusal(Reason::QueueNotForChannel, &unserving, channel))
}
