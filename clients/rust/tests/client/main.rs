//! The client against a fake server in this process.

mod calls;
mod connections;
mod errors;
mod fake;
mod retries;

use std::time::Duration;

use firstlight_client::{Client, Error, Options, v1::*};
use tonic::{Status, metadata::MetadataValue};

/// With a timeout that lets no test hang.
pub fn client(addresses: &[&str]) -> Client {
    Client::connect(addresses, Options { timeout: Duration::from_secs(20), ..Options::default() }).unwrap()
}

pub async fn recommend(client: &Client) -> Result<Vec<String>, Error> {
    let query = Query { user_id: "ada".into(), limit: 2, ..Default::default() };
    let answer = client.recommend(query.into()).await?.recommendation.unwrap_or_default();
    Ok(answer.items.into_iter().map(|item| item.item_id).collect())
}

pub fn pushed_back(value: &str) -> Status {
    let mut status = Status::unavailable("busy");
    status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::try_from(value).unwrap());
    status
}
