//! What every handler shares: letting a caller in, doing a mutation, doing a read. A handler says
//! which command or which question; everything about identity, repeated requests, revisions and
//! freshness is here, once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prost::Message;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};
use tonic::Request;

use super::admission;
use super::call_id;
use super::caller::Caller;
use super::deadline;
use super::from_proto::{ActingOn, Asked};
use super::passed::Passed;
use super::quotas::Quotas;
use super::request_id::WithRequestId;
use super::status::{Problem, Repeat};
use super::streams::PartnerStreams;
use super::table::{self, role_name};
use super::to_proto::{Content, ObjectContext};
use super::token::Seal;
use crate::access::Limits;
use crate::access::gate::Access;
use crate::domain::command;
use crate::domain::decide::decide;
use crate::domain::decide::stated::Stated;
use crate::domain::draft::Entropy;
use crate::domain::entry::{Answer, Cause, Fingerprint, Revision};
use crate::domain::id::{OrgId, TxnId};
use crate::domain::limits::OrgLimits;
use crate::domain::live::Actor;
use crate::domain::record::Record;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::time::Span;
use crate::engine::clock::duration;
use crate::engine::{Engine, Refusal, Remember, View};
use crate::home::Home;

/// Random bits for what is decided and thrown away.
pub struct Random;

impl Entropy for Random {
    fn bits(&mut self) -> u128 {
        rand::random()
    }
}

/// What all services of a server stand on.
pub struct Api {
    /// Decides and commits.
    pub engine: Engine,
    /// Knows the servers, and who is home of what.
    pub home: Home,
    /// Knows which credentials still stand; `None`: callers are believed.
    pub access: Option<Arc<Access>>,
    /// Counts streams.
    pub quotas: Arc<Quotas>,
    /// Seals resume tokens and page tokens.
    pub seal: Seal,
    /// Turns true when the server is going away (W7).
    pub closing: watch::Receiver<bool>,
    /// Turns for looking at what is wrong with badly stated requests.
    pub looks: Arc<Semaphore>,
    /// The watch streams of partners (N7).
    pub streams: PartnerStreams,
}

/// A mutation that was done: now, or by an earlier request with the same id.
pub struct Mutation {
    /// The request, the same for all its tries.
    pub txn: TxnId,
    /// At which revision.
    pub revision: Revision,
    /// With which answer.
    pub answer: Answer,
    /// The org at that revision or later, to render the answer with.
    pub view: Arc<View>,
    /// Whether whoever asked is shown what people typed.
    pub content: Content,
}

impl Mutation {
    /// The record that is answered.
    ///
    /// # Errors
    /// INTERNAL if the answer is something else.
    pub fn record(&self) -> Result<&Record, Problem> {
        match &self.answer {
            Answer::Record(record) => Ok(record),
            Answer::Nothing
            | Answer::Directory(_)
            | Answer::Refused(_)
            | Answer::Renewed(_)
            | Answer::Verdicts(_)
            | Answer::ContactsSynced(_)
            | Answer::AvailabilityReported(_) => {
                Err(Problem::Internal("the answer to a command isn't a record"))
            }
        }
    }

    /// What the answer is shown against.
    #[must_use]
    pub fn context(&self) -> ObjectContext<'_> {
        ObjectContext::of(&self.view, self.content)
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

/// A call that changes something, as far as it can be recognised when it is repeated.
pub struct AskedCall {
    rpc: &'static str,
    fingerprint: Fingerprint,
    /// Empty: none.
    request_id: String,
}

impl AskedCall {
    /// A call of `rpc`, such as `TransferService/TransferSession`, with its request id, if it
    /// carries one (T21).
    pub fn of<M: WithRequestId>(rpc: &'static str, mut message: M) -> Self {
        match message.take_request_id() {
            none if none.is_empty() => Self::without_id(rpc),
            request_id => Self { rpc, fingerprint: fingerprint(rpc, &message), request_id },
        }
    }

    /// A call that isn't recognised when it is repeated: there is nothing to tell it apart from.
    #[must_use]
    pub fn without_id(rpc: &'static str) -> Self {
        Self { rpc, fingerprint: Fingerprint::default(), request_id: String::new() }
    }
}

impl Api {
    /// Who calls, and what: `admission` has let it in by its path. It is asked again by the handler's own name for the call,
    /// so that no call is ever done for nobody, nor as another than it was let in for.
    ///
    /// # Errors
    /// PERMISSION_DENIED; INTERNAL if it came past admission.
    pub fn admit<M>(&self, rpc: &'static str, request: Request<M>) -> Result<(Caller, M), Problem> {
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>().cloned();
        let mut caller = caller.ok_or(Problem::Internal("a call came past admission"))?;
        let row = table::named(rpc).ok_or(Problem::Internal("a call has no row"))?;
        admission::check(&caller, row)?;
        caller.passed = extensions.get::<Passed>().cloned();
        Ok((caller, request.into_inner()))
    }

    /// Does what is asked, once per request id (T21).
    ///
    /// # Errors
    /// Whatever the engine refuses with.
    pub async fn mutate(
        &self,
        caller: &Caller,
        asked: AskedCall,
        what: impl Into<Asked>,
    ) -> Result<Mutation, Problem> {
        self.mutate_on(caller, None, asked, what).await
    }

    /// As [`Self::mutate`], on a presence of the rep's, if one is named: it must be current (P5).
    ///
    /// # Errors
    /// Whatever the engine refuses with.
    pub async fn mutate_on(
        &self,
        caller: &Caller,
        presence: ActingOn,
        asked: AskedCall,
        what: impl Into<Asked>,
    ) -> Result<Mutation, Problem> {
        let what = what.into();
        let remember = remember(caller, &asked);
        let (request, repeat) = self.request_of(caller, asked, what);
        let (txn, request) = (request.txn, command::Request { presence, ..request });
        // One that another server may have done is refused in its turn, so that it stays refused (T21).
        let tried = caller.passed.as_ref().is_some_and(|passed| passed.tried);
        if !request.stated.faults.is_empty() && !tried {
            return Err(self.misstated(caller, request).await);
        }
        let refused = |refusal| Problem::Refused(refusal, repeat);
        let (engine, patience) = (&self.engine, self.patience());
        let done = engine.submit_within(&caller.org, request, remember, patience).await;
        if let Err(Refusal::Rejected(rejection)) = &done {
            self.count_limit(rejection);
        }
        let done = done.map_err(refused)?;
        tell_revision(caller, done.revision);
        // It was done: that the answer can't be shown may not sound as if it wasn't.
        let unshown =
            |refusal: Refusal| refused(Refusal::Unknown { retry_after: refusal.retry_after() });
        let view = self.view(&caller.org, Some(done.revision)).await.map_err(unshown)?;
        let (revision, answer, content) = (done.revision, done.answer, caller.content());
        Ok(Mutation { txn, revision, answer, view, content })
    }

    /// All that is wrong with a badly stated request: decided on a copy of the state, so that it costs nobody a turn, isn't
    /// remembered, and is told while the store is away, too.
    pub async fn misstated(&self, caller: &Caller, request: command::Request) -> Problem {
        let stated = request.stated.clone();
        let look = move |view: &View| {
            let mut tried = view.state.clone();
            decide(&mut tried, &request, view.now(), &mut Random).map(drop).map_err(Problem::from)
        };
        self.all_wrong(caller, &stated, look).await
    }

    /// The same as `look` says, which is done beside other work, and a few at a time. What only this server hasn't heard of yet
    /// is looked up once more, on fresh state if that can be had soon.
    pub async fn all_wrong(
        &self,
        caller: &Caller,
        stated: &Stated,
        look: impl Fn(&View) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Problem {
        let faults = || Problem::Invalid(stated.faults.clone());
        let (known, look) = (stated.faults.len(), Arc::new(look));
        let look = async |view: Arc<View>| {
            let (look, turns) = (Arc::clone(&look), Arc::clone(&self.looks));
            // Whoever doesn't get a turn soon is told what is wrong by itself.
            let Ok(Ok(turn)) = tokio::time::timeout(SOON, turns.acquire_owned()).await else {
                return faults();
            };
            let looked = tokio::task::spawn_blocking(move || {
                let problem = look(&view).err();
                drop(turn);
                problem
            });
            looked.await.ok().flatten().unwrap_or_else(faults)
        };
        let Ok(view) = self.view(&caller.org, None).await else { return faults() };
        let problem = look(view).await;
        let only_faults = match &problem {
            Problem::Invalid(_) => true,
            Problem::Rejected(rejection) => rejection.details.fields.len() == known,
            _ => false,
        };
        if only_faults {
            return problem;
        }
        match tokio::time::timeout(SOON, self.barrier(&caller.org)).await {
            Ok(Ok(view)) => look(view).await,
            _ => problem,
        }
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
        let view = self.view(&caller.org, at_least).await.map_err(unread)?;
        tell_revision(caller, view.state.head().revision);
        match question(&view) {
            Err(Problem::Rejected(_)) => {
                drop(view);
                question(&*self.barrier(&caller.org).await.map_err(unread)?)
            }
            settled => settled,
        }
    }
}

impl Api {
    /// Counts a refusal if it is for a limit of the org's.
    fn count_limit(&self, rejection: &Rejection) {
        let named = rejection.details.about.iter().find(|(key, _)| key.as_ref() == "limit");
        let limit =
            named.and_then(|(_, name)| Limits::ALL.iter().find(|l| l.name == name.as_str()));
        if let Some(limit) = limit.filter(|_| rejection.reason == Reason::LimitExceeded) {
            self.quotas.met(limit.name);
        }
    }

    /// How long an answer of the engine is waited for: what is left of the call's time.
    #[must_use]
    pub fn patience(&self) -> Span {
        deadline::left().unwrap_or_else(|| self.engine.patience())
    }

    /// [`Engine::view`], in what is left of the call's time.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn view(&self, org: &OrgId, at: Option<Revision>) -> Result<Arc<View>, Refusal> {
        self.in_time(self.engine.view(org, at)).await
    }

    /// [`Engine::barrier`], in what is left of the call's time.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn barrier(&self, org: &OrgId) -> Result<Arc<View>, Refusal> {
        self.in_time(self.engine.barrier(org)).await
    }

    /// Something that changes nothing, in what is left of the call's time.
    async fn in_time<T>(
        &self,
        read: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let patience = duration(self.patience());
        let late = |_| Err(Refusal::TimedOut { retry_after: RETRY });
        tokio::time::timeout(patience, read).await.unwrap_or_else(late)
    }
}

/// How long fresh state is waited for to say of what is named that it isn't there.
const SOON: Duration = Duration::from_millis(500);

/// When to ask again for what couldn't be read in time.
const RETRY: Duration = Duration::from_secs(1);

/// A read's refusal: it changed nothing, so it can be repeated.
#[must_use]
pub fn unread(refusal: Refusal) -> Problem {
    Problem::Refused(refusal, Repeat::Safe)
}

impl Api {
    /// The domain's request for what is asked, and whether it can be recognised when repeated.
    pub fn request_of(
        &self,
        caller: &Caller,
        asked: AskedCall,
        what: Asked,
    ) -> (command::Request, Repeat) {
        request_within(self.quotas.org_limits(), caller, asked, what)
    }
}

/// The same, within these limits.
fn request_within(
    limits: OrgLimits,
    caller: &Caller,
    asked: AskedCall,
    what: Asked,
) -> (command::Request, Repeat) {
    let AskedCall { rpc, fingerprint, request_id } = asked;
    let given = caller.passed.as_ref().and_then(|passed| passed.request_id.as_deref());
    let (txn, repeat) = match (request_id.as_str(), given) {
        // The servers know it by this id; the client, who gave none, can't repeat it.
        ("", Some(given)) => (txn_of(&caller.org, &caller.actor, given), Repeat::Unsafe),
        ("", None) => (TxnId::from_u128(rand::random::<u128>().max(1)), Repeat::Unsafe),
        (id, _) => (txn_of(&caller.org, &caller.actor, id), Repeat::Safe),
    };
    let cause = Cause {
        request_id: (!request_id.is_empty()).then(|| Arc::from(request_id)),
        credential: caller.credential.audited_name(),
        delegate: caller.credential.delegate.clone(),
        call: call_id::current(),
        ..Cause::new(caller.actor.clone(), rpc)
    };
    let Asked { command, stated } = what;
    let (narrowing, presence) = (caller.credential.narrowing.clone(), None);
    let request =
        command::Request { txn, fingerprint, cause, presence, stated, narrowing, limits, command };
    (request, repeat)
}

/// What is to be kept of a request: its outcome if it has an id, its own or a server's, and a
/// refusal, too, if another server may do it.
fn remember(caller: &Caller, asked: &AskedCall) -> Remember {
    match &caller.passed {
        Some(passed) if passed.tried => Remember::AlsoRefused,
        Some(passed) if passed.request_id.is_some() => Remember::Done,
        _ if asked.request_id.is_empty() => Remember::Nothing,
        _ => Remember::Done,
    }
}

/// Lets whoever passed the call on know which revision the answer shows.
fn tell_revision(caller: &Caller, revision: Revision) {
    if let Some(passed) = &caller.passed {
        passed.revision.fetch_max(revision.get(), Ordering::Relaxed);
    }
}

/// The transaction id of a request with this id: the same on every replica (T21).
fn txn_of(org: &OrgId, actor: &Actor, request_id: &str) -> TxnId {
    let mut hash = Sha256::new();
    for part in [org.as_str(), role_name(actor.role), actor.id.as_str(), request_id] {
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
    use crate::domain::live::Role;

    #[tokio::test]
    async fn s3_a_cause_says_with_which_credential_and_who_holds_it() {
        use crate::access::{Credential, Origin};
        use crate::domain::command::Command;
        use crate::domain::decide::stated::Stated;

        let org = OrgId::new("acme").expect("an id");
        let actor = Actor { role: Role::Supervisor, id: ActorId::new("sue").expect("an id") };
        let claimed = Caller::claimed(org, actor);
        let cause_of = |caller: &Caller| {
            let asked = Asked { command: Command::WorkOff, stated: Stated::default() };
            request_within(
                OrgLimits::default(),
                caller,
                AskedCall::without_id("WorkService/AcceptWork"),
                asked,
            )
            .0
            .cause
        };
        let cause = cause_of(&claimed);
        assert_eq!((cause.credential, cause.delegate, cause.call), (None, None, None));
        let credential = Credential {
            name: Arc::from("key:desk"),
            delegate: Some(Arc::from("service-desk")),
            origin: Origin::ApiKey(Arc::from("k1")),
            ..(*claimed.credential).clone()
        };
        let caller = Caller { credential: Arc::new(credential), ..claimed };
        let cause = cause_of(&caller);
        assert_eq!(cause.credential.as_deref(), Some("key:desk"));
        assert_eq!(cause.delegate.as_deref(), Some("service-desk"));
        let shared = cause.credential.expect("it has one");
        assert!(Arc::ptr_eq(&shared, &caller.credential.name), "no copy per change");
    }

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
