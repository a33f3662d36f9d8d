//! Every call: generated from the protos, one method for each rpc, and what is made of several calls.

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use uuid::Uuid;

use crate::{Client, Error, client::MAX_MESSAGE_BYTES, v1::*};

include!("v1/calls.rs");

/// The elements of all pages. `fetch` returns a page's elements, and the request for the next page.
fn paged<Q, T, F>(client: Client, first: Q, fetch: fn(Client, Q) -> F) -> BoxStream<'static, Result<T, Error>>
where
    Q: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<(Vec<T>, Option<Q>), Error>> + Send + 'static,
{
    let pages = stream::try_unfold(Some(first), move |request| {
        let page = request.map(|request| fetch(client.clone(), request));
        async move {
            let Some(page) = page else { return Ok(None) };
            let (elements, next) = page.await?;
            Ok::<_, Error>(Some((stream::iter(elements.into_iter().map(Ok)), next)))
        }
    });
    pages.try_flatten().boxed()
}

impl Client {
    /// Writes any number of interactions in batches of `batch_size`: at most 10,000, 0 for 1,000. Returns the sums of
    /// the counts and the last batch's token. Where a batch fails, those before it stay written.
    pub async fn write_all(
        &self,
        interactions: impl IntoIterator<Item = Interaction>,
        batch_size: usize,
    ) -> Result<BatchWriteInteractionsResponse, Error> {
        let batch_size = if batch_size == 0 { 1_000 } else { batch_size.min(10_000) };
        let mut left = interactions.into_iter();
        let mut sum = BatchWriteInteractionsResponse::default();
        loop {
            let interactions: Vec<_> = left.by_ref().take(batch_size).collect();
            if interactions.is_empty() {
                return Ok(sum);
            }
            let request = BatchWriteInteractionsRequest { interactions, ..Default::default() };
            let written = self.batch_write_interactions(request).await?;
            sum.write_token = written.write_token;
            sum.written_count += written.written_count;
            sum.unchanged_count += written.unchanged_count;
        }
    }
}
