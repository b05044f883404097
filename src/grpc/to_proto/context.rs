//! What an object is shown against: the records of one revision, and whether whoever looks is shown what people typed. A
//! watcher that is behind shows each entry with the records as they were then, not as they are by now.

use std::collections::BTreeMap;

use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::View;

/// Whether notes and attributes are shown: the free text that Baton keeps (O3), and what repeats it, such as why a flow's rule
/// matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// As they are.
    Shown,
    /// Left empty, with `content_hidden` beside them.
    Hidden,
}

/// The records of one revision, and the indexes of the state they belong to.
#[derive(Clone, Copy)]
pub struct ObjectContext<'a> {
    /// The records.
    pub records: &'a (dyn RecordLookup + Sync),
    /// Places in lines, work of a rep, …: of the newest state known.
    pub state: &'a State,
    /// When it is looked at, for estimated waits.
    pub now: Timestamp,
    /// Whether what people typed is shown.
    pub content: Content,
}

impl<'a> ObjectContext<'a> {
    /// The context of a view: all of one revision.
    #[must_use]
    pub fn of(view: &'a View, content: Content) -> Self {
        Self { records: &view.state, state: &view.state, now: now(view), content }
    }

    /// Text that somebody typed, if it is shown.
    pub(super) fn text(self, text: &str) -> String {
        match self.content {
            Content::Shown => text.to_owned(),
            Content::Hidden => String::new(),
        }
    }

    /// Attributes, if they are shown.
    pub(super) fn attributes(
        self,
        attributes: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        match self.content {
            Content::Shown => attributes.clone(),
            Content::Hidden => BTreeMap::new(),
        }
    }

    /// What `content_hidden` says.
    pub(super) const fn hides_content(self) -> bool {
        matches!(self.content, Content::Hidden)
    }
}

/// When a view is looked at; never before it was.
#[must_use]
pub fn now(view: &View) -> Timestamp {
    view.now().max(view.state.head().time)
}
