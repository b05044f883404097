//! Reading a list page by page, as far as somebody wants to see it.

/// Largest page that the API gives.
pub(super) const PAGE: usize = 500;

/// Fetches pages until there are no more or the limit is reached.
macro_rules! pages {
    ($limit:expr, $token:ident, $size:ident => $call:expr, $items:ident) => {{
        let limit: usize = $limit;
        let mut all = Vec::new();
        let mut $token = String::new();
        loop {
            let left = (limit - all.len()).clamp(1, $crate::cli::pages::PAGE);
            let $size = i32::try_from(left).expect("500 at most");
            let response = $call;
            all.extend(response.$items);
            $token = response.next_page_token;
            if $token.is_empty() || all.len() >= limit {
                break;
            }
        }
        all.truncate(limit);
        if !$token.is_empty() {
            $crate::cli::output::note(&format!(
                "there are more: these are the first {limit}; see --limit"
            ));
        }
        all
    }};
}
pub(super) use pages;
