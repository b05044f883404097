//! Many presences in one decision, with a verdict for each (N4). Each is opened, or its status chosen, as by itself
//! (`presence`): one that is refused has written nothing, and spoils none of the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::aliases::rep_named;
use crate::domain::command::{PresenceRef, SignIn, StatusChoice};
use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, PresenceVerdict};
use crate::domain::id::RepId;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Rejection};
use crate::domain::scope::Viewer;

use super::narrowed::{self, Subject};
use super::presence;
use super::subject::AnswerSubject;

/// Signs reps in (P2, P5).
pub(crate) fn open(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    sign_ins: &[Result<SignIn, Rejection>],
) -> AnswerSubject {
    let actor = viewer.actor;
    let mut seen = BTreeSet::new();
    let verdicts = sign_ins.iter().enumerate().map(|(i, asked)| {
        let SignIn { rep, status, device } = asked.as_ref().map_err(Clone::clone)?;
        narrowed::check(draft, viewer, &Subject::Rep(rep))?;
        let rep = rep_named(draft, actor, rep);
        once(&mut seen, &rep, &format!("sign_ins[{i}].rep"))?;
        // The name was the partner's own, if it has one; from here on it is Baton's.
        presence::open_of(draft, actor, &rep, status, device)?;
        Ok(rep)
    });
    let verdicts: Vec<Result<RepId, Rejection>> = verdicts.collect();
    answer(draft, verdicts)
}

/// Chooses statuses (P1, P10).
pub(crate) fn set_statuses(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    choices: &[Result<StatusChoice, Rejection>],
) -> AnswerSubject {
    let actor = viewer.actor;
    let mut seen = BTreeSet::new();
    let verdicts = choices.iter().enumerate().map(|(i, asked)| {
        let StatusChoice { presence, status, when_done } = asked.as_ref().map_err(Clone::clone)?;
        narrowed::check(draft, viewer, &presence.subject())?;
        let (rep, field) = match presence {
            PresenceRef::Rep(rep) => (Some(rep_named(draft, actor, rep)), "rep"),
            PresenceRef::Presence(id) => (draft.rep_of_presence(*id).cloned(), "presence"),
        };
        // One that isn't there is refused as such, however often it is named.
        if let Some(rep) = rep.filter(|rep| presence::may_know(draft, actor, rep)) {
            once(&mut seen, &rep, &format!("choices[{i}].{field}"))?;
        }
        presence::choose(draft, actor, presence, status, *when_done)
    });
    let verdicts: Vec<Result<RepId, Rejection>> = verdicts.collect();
    answer(draft, verdicts)
}

/// # Errors
/// INVALID_FIELD for a rep who was named before.
fn once(seen: &mut BTreeSet<RepId>, rep: &RepId, field: &str) -> Result<(), Rejection> {
    if seen.insert(rep.clone()) {
        return Ok(());
    }
    let why = format!("is of {rep} again; name each rep once");
    Err(Rejection::invalid(vec![BadField { field: field.to_owned(), why }]))
}

fn answer(draft: &Draft<'_>, verdicts: Vec<Result<RepId, Rejection>>) -> AnswerSubject {
    let verdict = |verdict: Result<RepId, Rejection>| match verdict {
        Ok(rep) => PresenceVerdict {
            presence: draft.rep_presence(&rep).presence.as_ref().map(|presence| presence.id),
            rep: Some(rep),
            refused: None,
        },
        Err(rejection) => {
            PresenceVerdict { rep: None, presence: None, refused: Some(Arc::new(rejection)) }
        }
    };
    let verdicts = verdicts.into_iter().map(verdict).collect();
    AnswerSubject::Answer(Answer::Verdicts(Arc::new(verdicts)))
}
