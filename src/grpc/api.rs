//! What every handler shares: letting a caller in, doing a mutation, doing a read. A handler says
//! which command or which question; everything about identity, repeated requests, revisions and
//! freshness is here, once.

use std::sync::Arc;

use prost::Message;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tonic::Request;

use super::caller::Caller;
use super::from_proto::ActingOn;
use super::roles;
use super::status::{Problem, Repeat};
use super::token::Seal;
use crate::domain::command::{self, Command};
use crate::domain::entry::{Answer, Cause, Fingerprint, Revision};
use crate::domain::id::{OrgId, TxnId};
use crate::domain::live::{Actor, Role};
use crate::domain::record::Record;
use crate::engine::{Engine, Refusal, View};

/// What all services of a server stand on.
pub struct Api {
    /// Decides and commits.
    pub engine: Engine,
    /// The org of callers who don't name one; `None`: they must.
    pub default_org: Option<OrgId>,
    /// Seals resume tokens and page tokens.
    pub seal: Seal,
    /// Turns true when the server is going away (W7).
    pub closing: watch::Receiver<bool>,
}

/// A mutation that was done: now, or by an earlier request with the same id.
pub struct Mutation {
    /// At which revision.
    pub revision: Revision,
    /// With which answer.
    pub answer: Answer,
    /// The org at that revision or later, to render the answer with.
    pub view: Arc<View>,
}

impl Mutation {
    /// The record that is answered.
    ///
    /// # Errors
    /// INTERNAL if the answer is something else.
    pub fn record(&self) -> Result<&Record, Problem> {
        match &self.answer {
            Answer::Record(record) => Ok(record),
            Answer::Nothing | Answer::Directory(_) => {
                Err(Problem::Internal("the answer to a command isn't a record"))
            }
        }
    }

    /// The revision, as the API writes it.
    #[must_use]
    pub fn number(&self) -> i64 {
        number(self.revision)
    }
}

/// A revision, as the API writes it.
#[must_use]
pub fn number(revision: Revision) -> i64 {
    i64::try_from(revision.get()).unwrap_or(i64::MAX)
}

/// What is to be done, by a request that may be repeated.
pub struct Ask<'a, M> {
    /// The method, such as `TransferService/TransferSession`.
    pub rpc: &'static str,
    /// The request, with its request id taken out.
    pub message: &'a M,
    /// The request id; empty: none.
    pub request_id: &'a str,
}

impl Api {
    /// Lets a request in: who calls, and whether the role may.
    ///
    /// # Errors
    /// UNAUTHENTICATED or PERMISSION_DENIED.
    pub fn admit<M>(&self, rpc: &'static str, request: Request<M>) -> Result<(Caller, M), Problem> {
        let caller = Caller::from_metadata(request.metadata(), self.default_org.as_ref())?;
        roles::check(&caller, rpc)?;
        Ok((caller, request.into_inner()))
    }

    /// Does what is asked, once per request id (T21).
    ///
    /// # Errors
    /// Whatever the engine refuses with.
    pub async fn mutate<M: Message>(
        &self,
        caller: &Caller,
        ask: Ask<'_, M>,
        command: Command,
    ) -> Result<Mutation, Problem> {
        self.mutate_on(caller, None, ask, command).await
    }

    /// As [`Self::mutate`], on a presence of the rep's, if one is named: it must be current (P5).
    ///
    /// # Errors
    /// Whatever the engine refuses with.
    pub async fn mutate_on<M: Message>(
        &self,
        caller: &Caller,
        presence: ActingOn,
        ask: Ask<'_, M>,
        command: Command,
    ) -> Result<Mutation, Problem> {
        let (request, repeat) = request_of(caller, &ask, command);
        let request = command::Request { presence, ..request };
        let refused = |refusal| Problem::Refused(refusal, repeat);
        let done = self.engine.submit(&caller.org, request).await.map_err(refused)?;
        let view = self.engine.view(&caller.org, Some(done.revision)).await;
        Ok(Mutation { revision: done.revision, answer: done.answer, view: view.map_err(refused)? })
    }

    /// Answers a question from the state. Before it refuses it looks once more, on fresh state, so
    /// that a replica that lags never denies what another has made.
    ///
    /// # Errors
    /// Whatever the question or the engine refuses with.
    pub async fn read<T>(
        &self,
        caller: &Caller,
        at_least: Option<Revision>,
        question: impl Fn(&View) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let view = self.engine.view(&caller.org, at_least).await.map_err(unread)?;
        match question(&view) {
            Err(Problem::Rejected(_)) => {
                drop(view);
                question(&*self.engine.barrier(&caller.org).await.map_err(unread)?)
            }
            settled => settled,
        }
    }
}

/// A read's refusal: it changed nothing, so it can be repeated.
#[must_use]
pub fn unread(refusal: Refusal) -> Problem {
    Problem::Refused(refusal, Repeat::Safe)
}

/// The domain's request for what is asked, and whether it can be recognised when repeated.
pub fn request_of<M: Message>(
    caller: &Caller,
    ask: &Ask<'_, M>,
    command: Command,
) -> (command::Request, Repeat) {
    let (txn, repeat) = if ask.request_id.is_empty() {
        (TxnId::from_u128(random().max(1)), Repeat::Unsafe)
    } else {
        (txn_of(&caller.org, &caller.actor, ask.request_id), Repeat::Safe)
    };
    let cause = Cause {
        actor: caller.actor.clone(),
        rpc: Arc::from(ask.rpc),
        request_id: (!ask.request_id.is_empty()).then(|| Arc::from(ask.request_id)),
    };
    let fingerprint = fingerprint(ask.rpc, ask.message);
    (command::Request { txn, fingerprint, cause, presence: None, command }, repeat)
}

/// 128 random bits.
pub fn random() -> u128 {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// The transaction id of a request with this id: the same on every replica (T21).
fn txn_of(org: &OrgId, actor: &Actor, request_id: &str) -> TxnId {
    let mut hash = Sha256::new();
    let role = match actor.role {
        Role::Admin => "admin",
        Role::Supervisor => "supervisor",
        Role::Rep => "rep",
        Role::Adapter => "adapter",
        Role::Partner => "partner",
        Role::Dashboard => "dashboard",
        Role::Server => "server",
    };
    for part in [org.as_str(), role, actor.id.as_str(), request_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    TxnId::from_u128(first_128(&hash.finalize()).max(1))
}

/// What was asked, in 128 bits: the same for the same method and content.
pub fn fingerprint<M: Message>(rpc: &str, message: &M) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((rpc.len() as u64).to_be_bytes());
    hash.update(rpc.as_bytes());
    hash.update(message.encode_to_vec());
    Fingerprint(first_128(&hash.finalize()))
}

fn first_128(hash: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ActorId;

    #[test]
    fn t21_a_request_id_is_one_transaction_per_caller() {
        let org = OrgId::new("acme").expect("an id");
        let actor = |id: &str| Actor { role: Role::Rep, id: ActorId::new(id).expect("an id") };
        let one = txn_of(&org, &actor("ana"), "r1");
        assert_eq!(one, txn_of(&org, &actor("ana"), "r1"));
        assert_ne!(one, txn_of(&org, &actor("ben"), "r1"));
        assert_ne!(one, txn_of(&org, &actor("ana"), "r2"));
        assert_ne!(txn_of(&org, &actor("a"), "bc"), txn_of(&org, &actor("ab"), "c"));
    }
}
