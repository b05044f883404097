//! What a caller can ask of reps before transferring: who can be chosen (L1, L2, L5), and why or why
//! not (L6). Reads only; the rules are in `eligibility`. Queues, flows and quotes are in the modules
//! below.

mod attempt;
pub mod contacts;
pub mod explain;
pub mod lines;
pub mod quote;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::decide::destination::direct_routing;
use crate::domain::decide::transfer::session_checks;
use crate::domain::directory::{CapacityModel, Channel, ChannelType, Rep, RoutingOwner};
use crate::domain::eligibility::{Check, handing_on, receiving_without};
use crate::domain::id::{ChannelId, RepId, SessionId};
use crate::domain::live::{Actor, Session, Work};
use crate::domain::reasons::describe;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::units::{CentiPercent, Units, Weight};
use crate::domain::verdict::RuleVerdict;

/// What a list, a quote or an explanation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientQuestion {
    /// This session.
    Session(SessionId),
    /// Any session of this channel.
    Channel(ChannelId),
    /// Any session of any channel: only what doesn't depend on one is looked at.
    Anything,
}

/// A rep in the list of recipients (L1, L2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepEntry {
    /// Who.
    pub rep: RepId,
    /// What people read.
    pub name: String,
    /// Capacity used.
    pub used: CentiPercent,
    /// Would a transfer be offered at once?
    pub available_now: bool,
    /// What the rep is online for.
    pub online_for: BTreeSet<ChannelType>,
    /// May the session be transferred to them?
    pub transferable: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

/// Everything about one rep and one session (L6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Is the rep in the list?
    pub listed: bool,
    /// May the session be transferred to them?
    pub transferable: bool,
    /// Would it wait?
    pub would_wait: bool,
    /// Would nobody ever take it there (R11)?
    pub stranded: bool,
    /// Every rule, passed or not.
    pub verdicts: Vec<RuleVerdict>,
    /// For a queue: each of its reps, the next to be asked first.
    pub reps: Vec<RepVerdicts>,
}

/// What the rules say of one rep of a queue (L6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepVerdicts {
    /// Who.
    pub rep: RepId,
    /// Could they be offered the session now?
    pub could_take: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

/// The channel in question, and whose session it is or would be.
pub(super) struct RecipientCase {
    pub(super) channel: Arc<Channel>,
    pub(super) owner: Option<RepId>,
    /// No channel in particular: `channel` only stands for one.
    pub(super) any: bool,
    /// The session, if it is about one.
    pub(super) session: Option<Arc<Session>>,
    /// What that has to say to being transferred, whoever it would go to.
    pub(super) of_session: Vec<RuleVerdict>,
}

pub(super) fn case(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
) -> Result<RecipientCase, Rejection> {
    match about {
        RecipientQuestion::Session(id) => {
            let session = state.expect_session(*id)?;
            let owner = session.owner().map(|(rep, _)| rep.clone());
            let of_session = session_checks(state, actor, &session);
            let channel =
                state.channel(&session.channel).unwrap_or_else(|| Arc::new(any_channel()));
            Ok(RecipientCase { channel, owner, any: false, session: Some(session), of_session })
        }
        RecipientQuestion::Channel(id) => {
            Ok(RecipientCase::without_session(actor, state.expect_channel(id)?, false))
        }
        RecipientQuestion::Anything => {
            Ok(RecipientCase::without_session(actor, Arc::new(any_channel()), true))
        }
    }
}

/// A channel that asks for as little room as can be.
fn any_channel() -> Channel {
    Channel {
        id: ChannelId::least(),
        name: String::new(),
        channel_type: ChannelType::Whatsapp,
        routing_owner: RoutingOwner::Baton,
        capacity_model: CapacityModel::TabBased,
        weight: Weight::Units(Units::ZERO),
        paused_weight: None,
        fallback_queue: None,
        wrap_up: None,
        interruptible: false,
        recipient_types: BTreeSet::new(),
        default_target: None,
        partner_routes_reps: false,
        adapters: BTreeSet::new(),
    }
}

impl RecipientCase {
    fn without_session(actor: &Actor, channel: Arc<Channel>, any: bool) -> Self {
        let owner = crate::domain::decide::acting_rep(actor);
        Self { channel, owner, any, session: None, of_session: Vec::new() }
    }

    /// What a rep holds for the very session in question: as its owner, or because they are being asked.
    /// It takes no room from it.
    pub(super) fn held_by<'s>(&self, state: &'s State, rep: &RepId) -> Option<&'s Arc<Work>> {
        let session = self.session.as_ref()?;
        state.work_of_session(session.id).find(|work| work.is_live() && work.rep == *rep)
    }

    /// Does a check say something of this case, even if there is no channel in particular?
    pub(super) fn concerns(&self, check: &Check) -> bool {
        let of_a_channel = match check.reason {
            Reason::ChannelNotTransferable
            | Reason::RecipientNotOnlineForChannel
            | Reason::MissingPermission
            | Reason::QueueNotForChannel => true,
            // Without either licence a rep is in no list, whatever the channel (L1).
            Reason::MissingLicence => !check.hides,
            _ => false,
        };
        !self.any || !of_a_channel
    }

    fn describe(&self, check: Check, rep: &Rep) -> String {
        if self.any && check.reason == Reason::MissingLicence {
            return format!("{} has neither MESSAGING_USER nor ENHANCED_CHAT_USER", rep.id);
        }
        describe(check.reason, check.passed, rep, &self.channel)
    }

    fn verdicts(&self, state: &State, rep: &Rep) -> Vec<RuleVerdict> {
        let held = self.held_by(state, &rep.id).map(|work| &**work);
        handing_on(state, self.owner.as_ref(), rep, &self.channel)
            .into_iter()
            .chain(receiving_without(state, rep, &self.channel, None, held))
            .filter(|check| self.concerns(check))
            .map(|check| RuleVerdict::new(check, self.describe(check, rep)))
            .chain(self.of_session.iter().cloned())
            .collect()
    }
}

pub(super) fn hidden(verdicts: &[RuleVerdict]) -> bool {
    verdicts.iter().any(|v| v.hides && !v.passed)
}

pub(super) fn forbidden(verdicts: &[RuleVerdict]) -> bool {
    verdicts.iter().any(|v| v.forbids && !v.passed)
}

pub(super) fn against(verdicts: Vec<RuleVerdict>) -> Vec<RuleVerdict> {
    verdicts.into_iter().filter(|v| !v.passed).collect()
}

/// The reps that may be chosen, the most available first (L1, L5): transferable before not, then
/// by the share of capacity used, then by id. `query` is looked for in ids and names.
///
/// # Errors
/// NOT_FOUND for the session or channel; DIRECT_TO_REP_ROUTING_DISABLED (T10).
pub fn list_reps(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
    query: &str,
) -> Result<Vec<RepEntry>, Rejection> {
    let case = case(state, actor, about)?;
    direct_routing(state)?;
    let wanted = query.to_lowercase();
    let all = state.range(RecordKey::Rep(RepId::least())..RecordKey::RepPresence(RepId::least()));
    let mut entries: Vec<RepEntry> = all
        .filter_map(|record| match record {
            Record::Rep(rep) => Some(rep),
            _ => None,
        })
        .filter(|rep| {
            rep.id.as_str().to_lowercase().contains(&wanted)
                || rep.name.to_lowercase().contains(&wanted)
        })
        .filter_map(|rep| entry(state, &case, rep))
        .collect();
    entries.sort_by_cached_key(|e| {
        (Reverse(e.transferable), Reverse(e.available_now), e.used, e.rep.clone())
    });
    Ok(entries)
}

fn entry(state: &State, case: &RecipientCase, rep: &Rep) -> Option<RepEntry> {
    let live = state.rep_presence(&rep.id);
    live.presence.as_ref()?;
    let verdicts = case.verdicts(state, rep);
    if hidden(&verdicts) {
        return None;
    }
    let status = live.presence.as_ref().and_then(|p| state.status(&p.status));
    let transferable = !forbidden(&verdicts);
    let against = against(verdicts);
    Some(RepEntry {
        rep: rep.id.clone(),
        name: rep.name.clone(),
        used: live.used.percent_of(crate::domain::capacity::capacity_of(state, &rep.id)),
        available_now: against.is_empty(),
        online_for: status.map(|s| s.online_for.clone()).unwrap_or_default(),
        transferable,
        against,
    })
}
