//! Questions that many services ask in the same way: one resource by its id, a page of them.

use std::str::FromStr;

use super::fields::{Fields, limits};
use crate::domain::entry::Revision;
use crate::domain::id::BadId;
use crate::grpc::status::Problem;

/// A question for one thing.
///
/// # Errors
/// INVALID_FIELD.
pub fn get<T: FromStr<Err = BadId>>(
    field: &str,
    id: &str,
    at_least: i64,
) -> Result<(T, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let id = f.id(field, id);
    let at_least = f.revision("at_least_revision", at_least);
    f.finish(|| Some((id?, at_least)))
}

/// A question for everything of a kind.
///
/// # Errors
/// INVALID_FIELD.
pub fn at_least(number: i64) -> Result<Option<Revision>, Problem> {
    let mut f = Fields::new();
    let at_least = f.revision("at_least_revision", number);
    f.finish(|| Some(at_least))
}

/// The page that is asked for. The token is read where it is known what it was made for.
pub struct Paging {
    /// How many entries at most.
    pub size: usize,
    /// The revision to wait for.
    pub at_least: Option<Revision>,
}

/// Reads a page's size and revision.
///
/// # Errors
/// INVALID_FIELD.
pub fn paging(size: i32, at_least: i64) -> Result<Paging, Problem> {
    let mut f = Fields::new();
    let size = f.page_size(size);
    let at_least = f.revision("at_least_revision", at_least);
    f.finish(|| Some(Paging { size, at_least }))
}

/// Reads a list of directory resources: the text that is searched for, in lower case.
///
/// # Errors
/// INVALID_FIELD.
pub fn list(size: i32, at_least: i64, query: &str) -> Result<String, Problem> {
    let mut f = Fields::new();
    f.page_size(size);
    f.revision("at_least_revision", at_least);
    let query = f.text("query", query, limits::QUERY);
    f.finish(|| Some(query?.to_lowercase()))
}
