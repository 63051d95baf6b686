//! Calls that do not wait for each other: some at once, so that AWS throttles nobody for a question about a large App.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// So many are under way at once.
const AT_ONCE: usize = 8;

/// The outcome of each, in their order.
pub async fn all<T>(calls: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(calls).buffered(AT_ONCE).collect().await
}

/// What each answered, in their order; after the first error none is begun.
///
/// # Errors
///
/// The first one.
pub async fn try_all<T, E>(
    calls: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    stream::iter(calls).buffered(AT_ONCE).try_collect().await
}
