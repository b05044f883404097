//! What a credential may do within its role (S4): a set of areas, and two words about all of them. Values only; which call
//! belongs to which area stands with the calls, in `grpc`'s table.

use std::fmt;

/// A scope, as credentials name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The directory: reps, queues, flows, channels, and so on.
    Directory,
    /// Presence and capacity of reps.
    Presence,
    /// Messaging sessions.
    Sessions,
    /// Work of reps: accepting, declining, closing.
    Work,
    /// Transfers, and whom one can transfer to.
    Transfers,
    /// States of queues.
    Queues,
    /// External contacts of partners, and what is reported of their availability.
    Contacts,
    /// Hand-offs.
    Handoffs,
    /// Routing requests.
    Routing,
    /// The audit.
    Audit,
    /// Notes and attributes: what people typed. Without it a supervisor or a dashboard sees neither.
    Content,
    /// Changes are refused, whatever else is said.
    ReadOnly,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Directory,
        Self::Presence,
        Self::Sessions,
        Self::Work,
        Self::Transfers,
        Self::Queues,
        Self::Contacts,
        Self::Handoffs,
        Self::Routing,
        Self::Audit,
        Self::Content,
        Self::ReadOnly,
    ];

    /// Its name in credentials, tokens and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Presence => "presence",
            Self::Sessions => "sessions",
            Self::Work => "work",
            Self::Transfers => "transfers",
            Self::Queues => "queues",
            Self::Contacts => "contacts",
            Self::Handoffs => "handoffs",
            Self::Routing => "routing",
            Self::Audit => "audit",
            Self::Content => "content",
            Self::ReadOnly => "read-only",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The areas among the scopes: what [`Scopes::ALL_AREAS`] has.
const AREAS: u16 = Scope::Content.bit() - 1;

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// None at all: every call that belongs to an area is refused.
    pub const NONE: Self = Self(0);
    /// Every area, without content: what a credential has that names no area.
    pub const ALL_AREAS: Self = Self(AREAS);
    /// Every area, and content.
    pub const EVERYTHING: Self = Self(AREAS | Scope::Content.bit());

    /// These scopes, as a credential lists them. One that names no area has all of them.
    #[must_use]
    pub fn of(named: impl IntoIterator<Item = Scope>) -> Self {
        let bits = named.into_iter().fold(0, |bits, scope| bits | scope.bit());
        if bits & AREAS == 0 { Self(bits | AREAS) } else { Self(bits) }
    }

    /// Exactly these.
    #[must_use]
    pub fn exactly(named: impl IntoIterator<Item = Scope>) -> Self {
        Self(named.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Is this one among them?
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// What both allow: areas and content that both have, and read-only if either says so.
    #[must_use]
    pub const fn within(self, most: Self) -> Self {
        let read_only = (self.0 | most.0) & Scope::ReadOnly.bit();
        Self((self.0 & most.0 & !Scope::ReadOnly.bit()) | read_only)
    }

    /// Those that are in it, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_a_credential_without_areas_has_all_and_content_has_to_be_named() {
        assert_eq!(Scopes::of([]), Scopes::ALL_AREAS);
        assert!(!Scopes::of([]).has(Scope::Content));
        let reads = Scopes::of([Scope::ReadOnly]);
        assert!(reads.has(Scope::Routing) && reads.has(Scope::ReadOnly));
        let contacts = Scopes::of([Scope::Contacts]);
        assert!(contacts.has(Scope::Contacts) && !contacts.has(Scope::Routing));
        assert!(Scopes::EVERYTHING.has(Scope::Content));
    }

    #[test]
    fn s4_what_two_allow_is_never_more_than_either() {
        let most = Scopes::of([Scope::Contacts, Scope::ReadOnly]);
        let both = Scopes::EVERYTHING.within(most);
        assert_eq!(both.iter().collect::<Vec<_>>(), [Scope::Contacts, Scope::ReadOnly]);
        assert_eq!(
            Scopes::of([Scope::Routing]).within(Scopes::of([Scope::Contacts])),
            Scopes::NONE
        );
    }

    #[test]
    fn every_scope_is_found_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.name()), Some(scope));
        }
        assert_eq!(Scope::named("everything"), None);
    }
}
