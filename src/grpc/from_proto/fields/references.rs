//! What a request names, and what it brings to be named: looked up as it is decided, so that what isn't there is named
//! together with all else that is wrong (D1).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::super::under;
use super::{Fields, UNBUILT};
use crate::domain::command::Command;
use crate::domain::decide::stated::{AliasField, NamingField, Stated};
use crate::domain::id::{BadId, PartnerId, PartnersId};
use crate::domain::record::{AliasOf, RecordKey};
use crate::grpc::status::Problem;

/// What a request asks for, and where it says so: what only the state can tell to be wrong is named then, too.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub command: Command,
    /// Where.
    pub stated: Stated,
}

impl From<Command> for Asked {
    fn from(command: Command) -> Self {
        Self { command, stated: Stated::default() }
    }
}

impl Fields {
    /// The id of a resource that the request brings as the field `at`.
    pub fn own_id<T: FromStr<Err = BadId> + Clone + Into<RecordKey>>(
        &mut self,
        at: &str,
        text: &str,
    ) -> Option<T> {
        let id: T = self.id(&under(at, "id"), text)?;
        self.brings(id.clone(), at);
        Some(id)
    }

    /// A resource comes with the request, as the field `at`; of several with one id the first.
    pub fn brings(&mut self, id: impl Into<RecordKey>, at: &str) {
        let known = self.stated.brought.entry(id.into()).or_insert_with(|| at.to_owned());
        self.repeats |= known != at;
    }

    /// A partner's own id for something that the request brings, as the field `field` (N8).
    pub fn aliases(&mut self, field: &str, partner: &PartnerId, own: &PartnersId, of: &AliasOf) {
        let (field, partner, own) = (field.to_owned(), partner.clone(), own.clone());
        self.stated.aliases.push(AliasField { field, partner, own, of: of.clone() });
    }

    /// Was an id brought once more since this was last asked?
    pub fn take_repeats(&mut self) -> bool {
        std::mem::take(&mut self.repeats)
    }

    /// The id of a resource that has to be there, or comes with the request.
    pub fn reference<T: FromStr<Err = BadId> + Clone + Into<RecordKey>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        let id: T = self.id(field, text)?;
        let key = id.clone().into();
        self.stated.names.push(NamingField { field: field.to_owned(), key });
        Some(id)
    }

    /// The same of one that may be left out: bad → `None`, left out → `Some(None)`.
    pub fn optional_reference<T: FromStr<Err = BadId> + Clone + Into<RecordKey>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.reference(field, text).map(Some) }
    }

    /// The ids of resources that have to be there, or come with the request.
    pub fn references<T: FromStr<Err = BadId> + Clone + Into<RecordKey>>(
        &mut self,
        field: &str,
        texts: &[String],
    ) -> Vec<T> {
        let all = texts.iter().enumerate();
        all.filter_map(|(i, text)| self.reference(&format!("{field}[{i}]"), text)).collect()
    }

    /// As [`Self::references`], each at most once.
    pub fn distinct_references<
        T: FromStr<Err = BadId> + Ord + fmt::Display + Clone + Into<RecordKey>,
    >(
        &mut self,
        field: &str,
        texts: &[String],
    ) -> BTreeSet<T> {
        let mut distinct = BTreeSet::new();
        for (i, text) in texts.iter().enumerate() {
            let at = format!("{field}[{i}]");
            let Some(id) = self.reference(&at, text) else { continue };
            if let Some(twice) = distinct.replace(id) {
                self.bad(at, format!("is {twice} again; give each once"));
            }
        }
        distinct
    }

    /// The command that was built, to be refused as it is decided if anything was wrong: by then what it names is looked
    /// up, too, and all of it is said at once (D1).
    ///
    /// # Errors
    /// INTERNAL if it can't be built though nothing is wrong.
    pub fn ask(self, build: impl FnOnce() -> Option<Command>) -> Result<Asked, Problem> {
        let (command, stated) = self.finish_stated(build)?;
        Ok(Asked { command: command.unwrap_or(Command::Misstated), stated })
    }

    /// What was built, if it could be, and what is to be looked up before it is answered.
    ///
    /// # Errors
    /// INTERNAL if it can't be built though nothing is wrong.
    pub fn finish_stated<T>(
        self,
        build: impl FnOnce() -> Option<T>,
    ) -> Result<(Option<T>, Stated), Problem> {
        let Self { stated, .. } = self;
        if !stated.faults.is_empty() {
            return Ok((build(), stated));
        }
        Ok((Some(build().ok_or(UNBUILT)?), stated))
    }
}
