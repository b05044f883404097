//! Images of work ↔ domain values. Used by the codec alone.

use super::super::JournalError;
use super::enums::Stored;
use super::field::{
    id_from_bytes, made, made_or_empty, ms, name, name_or_none, there, time, to_made_or_none, units,
};
use super::{corrupt, stored};
use crate::domain::id::WorkId;
use crate::domain::live::{Candidate, Found, WhyNot, Work, WorkEnd, WorkState};
use crate::domain::rejection::Reason;
use crate::domain::time::{Span, Timestamp};

type Read<T> = Result<T, JournalError>;

fn from_candidate(candidate: &Candidate) -> stored::Candidate {
    use stored::WhyNot as Image;
    let why = match candidate.why {
        WhyNot::Out(Reason::MissingSkill) => Image::Skill,
        WhyNot::Out(Reason::RecipientFull) => Image::Full,
        WhyNot::Out(_) => Image::NotOnline,
        WhyNot::PassedBy => Image::PassedBy,
        WhyNot::Original => Image::Original,
        WhyNot::Load => Image::Load,
        WhyNot::HasWork => Image::HasWork,
        WhyNot::SignedInLater => Image::SignedInLater,
        WhyNot::AssignedLater => Image::AssignedLater,
    };
    stored::Candidate { rep: candidate.rep.to_string(), why: why as i32 }
}

fn to_candidate(candidate: &stored::Candidate) -> Read<Candidate> {
    use stored::WhyNot as Image;
    let why = match Image::try_from(candidate.why) {
        Ok(Image::Skill) => WhyNot::Out(Reason::MissingSkill),
        Ok(Image::Full) => WhyNot::Out(Reason::RecipientFull),
        Ok(Image::NotOnline) => WhyNot::Out(Reason::RecipientNotOnlineForChannel),
        Ok(Image::PassedBy) => WhyNot::PassedBy,
        Ok(Image::Original) => WhyNot::Original,
        Ok(Image::Load) => WhyNot::Load,
        Ok(Image::HasWork) => WhyNot::HasWork,
        Ok(Image::SignedInLater) => WhyNot::SignedInLater,
        Ok(Image::AssignedLater) => WhyNot::AssignedLater,
        Ok(Image::Unspecified) | Err(_) => {
            return Err(corrupt(format!("{} doesn't say why not", candidate.why)));
        }
    };
    Ok(Candidate { rep: name(&candidate.rep)?, why })
}

pub(super) fn from_work(w: &Work) -> stored::Work {
    use stored::work::State as Image;
    let state = match w.state {
        WorkState::Offered => Image::Live(stored::LiveWork::Offered as i32),
        WorkState::Open => Image::Live(stored::LiveWork::Open as i32),
        WorkState::Paused => Image::Live(stored::LiveWork::Paused as i32),
        WorkState::WrappingUp { until, extended } => {
            Image::WrappingUp(stored::WrappingUp { until_ms: until.as_ms(), extended })
        }
        WorkState::Ended { at, why } => {
            Image::Ended(stored::WorkEnding { at_ms: at.as_ms(), why: why.to_stored() })
        }
    };
    stored::Work {
        session: made(w.session),
        rep: w.rep.to_string(),
        state: Some(state),
        weight_centi: w.weight.as_centi(),
        holds_centi: w.holds.as_centi(),
        transfer: made_or_empty(w.transfer),
        tab_open: w.tab_open,
        offered_at_ms: w.offered_at.as_ms(),
        accepted_at_ms: ms(w.accepted_at),
        holds_since_ms: w.holds_since.as_ms(),
        queue: w.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
        queued_at_ms: Some(w.queued_at.as_ms()).filter(|_| w.queued_at != w.offered_at),
        estimated_ms: w.estimated.map(Span::as_ms),
        found: match w.found {
            Found::Direct => 0,
            Found::FirstInOrder => stored::Found::FirstInOrder as i32,
            Found::NextInLine => stored::Found::NextInLine as i32,
        },
        candidates: w.candidates.iter().map(from_candidate).collect(),
        offer_until_ms: ms(w.offer_until),
        interruptible: w.interruptible,
        check_skipped: w.check_skipped,
    }
}

pub(super) fn to_work(id: WorkId, w: stored::Work) -> Read<Work> {
    use stored::work::State as Image;
    let state = match there(w.state, "a work's state")? {
        Image::Live(number) => match stored::LiveWork::try_from(number) {
            Ok(stored::LiveWork::Offered) => WorkState::Offered,
            Ok(stored::LiveWork::Open) => WorkState::Open,
            Ok(stored::LiveWork::Paused) => WorkState::Paused,
            Ok(stored::LiveWork::Unspecified) | Err(_) => {
                return Err(corrupt(format!("{number} is no state of work")));
            }
        },
        Image::WrappingUp(after) => WorkState::WrappingUp {
            until: Timestamp::from_ms(after.until_ms),
            extended: after.extended,
        },
        Image::Ended(end) => WorkState::Ended {
            at: Timestamp::from_ms(end.at_ms),
            why: WorkEnd::from_stored(end.why)?,
        },
    };
    Ok(Work {
        id,
        session: id_from_bytes(&w.session)?,
        rep: name(&w.rep)?,
        state,
        weight: units(w.weight_centi)?,
        holds: units(w.holds_centi)?,
        transfer: to_made_or_none(&w.transfer)?,
        tab_open: w.tab_open,
        offered_at: Timestamp::from_ms(w.offered_at_ms),
        accepted_at: time(w.accepted_at_ms),
        holds_since: Timestamp::from_ms(w.holds_since_ms),
        queue: name_or_none(&w.queue)?,
        queued_at: Timestamp::from_ms(w.queued_at_ms.unwrap_or(w.offered_at_ms)),
        estimated: w.estimated_ms.map(Span::from_ms),
        found: match stored::Found::try_from(w.found) {
            Ok(stored::Found::Unspecified) => Found::Direct,
            Ok(stored::Found::FirstInOrder) => Found::FirstInOrder,
            Ok(stored::Found::NextInLine) => Found::NextInLine,
            Err(_) => return Err(corrupt(format!("{} is no way to find a rep", w.found))),
        },
        candidates: w.candidates.iter().map(to_candidate).collect::<Read<_>>()?,
        offer_until: time(w.offer_until_ms),
        interruptible: w.interruptible,
        check_skipped: w.check_skipped,
    })
}
