//! Why a rep, a queue or a flow may, or may not, be chosen (L6).

use std::collections::BTreeMap;

use crate::domain::admission::admitting;
use crate::domain::choose::{first_in_order, stands_back};
use crate::domain::directory::Queue;
use crate::domain::eligibility::{Check, receiving_without, serving};
use crate::domain::external::external_contact;
use crate::domain::line::{Demand, needs};
use crate::domain::live::{Actor, Recipient};
use crate::domain::prospects::anybody_could;
use crate::domain::reasons::describe;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::RuleVerdict;

use super::attempt::{foretell, waits};
use super::{
    Explanation, RecipientCase, RecipientQuestion, RepVerdicts, against, case, forbidden, hidden,
};

/// The most reps of a queue that an explanation goes into.
const REPS_EXPLAINED: usize = 100;

impl RecipientCase {
    /// Every rule that is about the session and this recipient, passed or not.
    pub(super) fn verdicts_of(
        &self,
        state: &State,
        actor: &Actor,
        to: &Recipient,
        now: Timestamp,
    ) -> Result<Vec<RuleVerdict>, Rejection> {
        Ok(match to {
            Recipient::Rep(rep) => self.verdicts(state, &*state.expect_rep(rep)?),
            Recipient::Queue(queue) => {
                self.queue_verdicts(state, actor, &state.expect_queue(queue)?, now)
            }
            Recipient::Flow(flow) => {
                state.expect_flow(flow)?;
                self.line_verdicts(state, actor, to)
            }
            Recipient::Contact(of) => {
                let known = external_contact(state, &self.channel, of);
                self.contact_verdicts(state, of, known.as_ref(), now)
            }
        })
    }
}

/// Why a rep is, or isn't, in the list, and why the session may, or may not, go to them; the same of a queue or a flow,
/// and, of a queue, who of its reps could take the session, who couldn't, and why (L6).
///
/// # Errors
/// NOT_FOUND for the recipient, session or channel.
pub fn explain(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
    to: &Recipient,
    now: Timestamp,
) -> Result<Explanation, Rejection> {
    let case = case(state, actor, about)?;
    let mut verdicts = case.verdicts_of(state, actor, to, now)?;
    let reps = match to {
        Recipient::Queue(queue) => members(state, &case, &*state.expect_queue(queue)?),
        Recipient::Rep(_) | Recipient::Flow(_) | Recipient::Contact(_) => Vec::new(),
    };
    let foretold = foretell(state, actor, (about, to), &mut verdicts, now);
    let transferable = !forbidden(&verdicts);
    let stranded = match (&foretold, to) {
        (Some((_, session)), _) => session.state.is_stranded(),
        (None, Recipient::Queue(queue)) => {
            let (channel, required) = (case.channel.id.clone(), BTreeMap::new());
            let taken = admitting(state, now, state.expect_queue(queue)?);
            let demand = Demand { channel, required };
            transferable && taken.is_some_and(|queue| !anybody_could(state, &queue.id, &demand))
        }
        (None, Recipient::Rep(_) | Recipient::Flow(_) | Recipient::Contact(_)) => false,
    };
    let would_wait = match (&foretold, to) {
        (Some((transfer, _)), _) => waits(transfer),
        (None, Recipient::Rep(_)) => transferable && verdicts.iter().any(|v| !v.passed),
        (None, Recipient::Queue(_)) => transferable && !reps.iter().any(|r| r.could_take),
        (None, Recipient::Flow(_) | Recipient::Contact(_)) => false,
    };
    let listed = !hidden(&verdicts);
    Ok(Explanation { listed, transferable, would_wait, stranded, verdicts, reps })
}

fn members(state: &State, case: &RecipientCase, queue: &Queue) -> Vec<RepVerdicts> {
    let channel = &case.channel;
    let asked = case.session.as_ref().map(|session| needs(session)).unwrap_or_default();
    let transfer = case.session.as_ref().and_then(|session| session.transfer);
    let transfer = transfer.and_then(|id| state.transfer(&id));
    let original = transfer.map(|transfer| transfer.from_rep.clone()).or(case.owner.clone());
    first_in_order(state, queue, REPS_EXPLAINED)
        .into_iter()
        .filter_map(|rep| state.rep(&rep))
        .map(|rep| {
            let held = case.held_by(state, &rep.id).map(|work| &**work);
            let checks = receiving_without(state, &rep, channel, Some(queue), held);
            let checks = checks.into_iter().chain(serving(&rep, queue, channel, &asked));
            let all = checks.map(|check| {
                RuleVerdict::new(check, describe(check.reason, check.passed, &rep, channel))
            });
            let mut against = against(all.collect());
            if original.as_ref() == Some(&rep.id)
                && stands_back(state, queue, channel, &asked, &rep.id)
            {
                let (rule, reason) = ("T9", Reason::SelfTransfer);
                let check = Check { rule, reason, passed: false, hides: false, forbids: false };
                let text = format!("{} isn't offered it back while others are there", rep.id);
                against.push(RuleVerdict::new(check, text));
            }
            RepVerdicts { rep: rep.id.clone(), could_take: against.is_empty(), against }
        })
        .collect()
}
