//! Lists, a page at a time. A page token names the last entry shown and is bound to the filters it
//! was made for, and to what whoever asked could see; the next page is read at the same revision or a later one.

use prost::Message;

use super::api::{Api, fingerprint};
use super::caller::Caller;
use super::from_proto;
use super::scope;
use super::status::Problem;
use super::token::Page;
use crate::domain::entry::{Fingerprint, Revision};
use crate::engine::View;
use crate::pb;

/// A request for a page.
pub trait Paged: Message {
    /// Takes out what says which page it is: size, token, revision. What stays are the filters.
    fn take_page(&mut self) -> (i32, String, i64);
}

// A macro, since many requests have the same three fields. It writes no handler.
macro_rules! paged {
    ($($request:ident),* $(,)?) => {$(
        impl Paged for pb::$request {
            fn take_page(&mut self) -> (i32, String, i64) {
                (
                    std::mem::take(&mut self.page_size),
                    std::mem::take(&mut self.page_token),
                    std::mem::take(&mut self.at_least_revision),
                )
            }
        }
    )*};
}

paged!(
    ListRepsRequest,
    ListChannelsRequest,
    ListPresenceStatusesRequest,
    ListPresenceConfigurationsRequest,
    ListProfilesRequest,
    ListSkillsRequest,
    ListQueuesRequest,
    ListFlowsRequest,
    ListPartnersRequest,
    ListRepPresencesRequest,
    ListSessionsRequest,
    ListTransfersRequest,
    ListWorkRequest,
    ListRecipientsRequest,
    ListQueueStatesRequest,
    ListHandoffsRequest,
    ListRoutingRequestsRequest,
    ListContactsRequest,
    ListAuditRecordsRequest,
);

/// The page that is asked for.
pub struct Window {
    size: usize,
    after: Option<Page>,
    filter: Fingerprint,
    /// The revision to read at, or a later one.
    pub at_least: Option<Revision>,
}

impl Window {
    /// How many entries the page has at most.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How many entries tell the page and whether another follows.
    #[must_use]
    pub const fn one_more(&self) -> usize {
        self.size + 1
    }

    /// The key of the last entry that was shown.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_ref().map(|page| page.after.as_str())
    }
}

/// A page as it is answered.
pub struct Shown<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// The token of the next one; empty: there is none.
    pub next: String,
}

/// Is `query`, in lower case, part of `text`?
pub fn contains(text: &str, query: &str) -> bool {
    query.is_empty() || text.to_lowercase().contains(query)
}

impl Api {
    /// Which page is asked for.
    ///
    /// # Errors
    /// INVALID_FIELD or INVALID_TOKEN.
    pub fn window<M: Paged>(
        &self,
        caller: &Caller,
        rpc: &str,
        mut request: M,
    ) -> Result<Window, Problem> {
        let (size, token, at_least) = request.take_page();
        let paging = from_proto::paging(size, at_least)?;
        let sight = scope::sight(caller, caller.rep().as_ref());
        let filter = fingerprint(&format!("{rpc} {:032x}", sight.0), &request);
        let after = if token.is_empty() {
            None
        } else {
            Some(self.seal.read_page(&caller.org, filter, &token)?)
        };
        let at_least = paging.at_least.max(after.as_ref().map(|page| page.revision));
        Ok(Window { size: paging.size, after, filter, at_least })
    }

    /// The page of `entries`, which come in the order of their keys.
    pub fn page<T>(
        &self,
        caller: &Caller,
        window: &Window,
        view: &View,
        entries: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Shown<T> {
        let after = window.after();
        let shown = |entry: &T| after.is_some_and(|after| key(entry).as_str() <= after);
        self.cut(caller, window, view, entries.skip_while(shown), &key)
    }

    /// The page of `entries`, whose order isn't that of their keys and may have changed since the
    /// page before: it goes on behind the last entry shown, or where that was.
    pub fn ranked_page<T>(
        &self,
        caller: &Caller,
        window: &Window,
        view: &View,
        entries: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Shown<T> {
        let skip = window.after.as_ref().map_or(0, |page| {
            let found = entries.iter().position(|entry| key(entry) == page.after);
            found.map_or_else(|| usize::try_from(page.shown).unwrap_or(usize::MAX), |at| at + 1)
        });
        self.cut(caller, window, view, entries.into_iter().skip(skip), key)
    }

    /// The page of `entries`, which begin behind the last one shown, and are one more than the page takes if there are as
    /// many.
    pub fn next_page<T>(
        &self,
        caller: &Caller,
        window: &Window,
        view: &View,
        entries: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Shown<T> {
        self.cut(caller, window, view, entries.into_iter(), key)
    }

    /// The token of the page that goes on after `after`, for a list that isn't of a view.
    pub fn token_after(
        &self,
        caller: &Caller,
        window: &Window,
        revision: Revision,
        after: String,
    ) -> String {
        self.seal.page(&caller.org, window.filter, &Page { after, shown: 0, revision })
    }

    fn cut<T>(
        &self,
        caller: &Caller,
        window: &Window,
        view: &View,
        mut rest: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Shown<T> {
        let items: Vec<T> = rest.by_ref().take(window.size).collect();
        let next = match (rest.next(), items.last()) {
            (Some(_), Some(last)) => {
                let before = window.after.as_ref().map_or(0, |page| page.shown);
                let page = Page {
                    after: key(last),
                    shown: before.saturating_add(items.len() as u64),
                    revision: view.state.head().revision,
                };
                self.seal.page(&caller.org, window.filter, &page)
            }
            _ => String::new(),
        };
        Shown { items, next }
    }
}
