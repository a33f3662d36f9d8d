//! The five calls of docs/clients.md: cargo run --example five_calls HOST:PORT

use firstlight_client::{Client, Error, Kind, Options, v1::*};
use futures_util::TryStreamExt;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7070".into());
    let options = Options { catalog_id: "default".into(), timeout: Duration::from_secs(5), ..Default::default() };
    let client = Client::connect([address], options)?;

    // 1. Somebody new
    let history = vec![HistoryEntry { item_id: "item-02".into(), value: Some(5.0), ..Default::default() }];
    let query = Query { profile: [("age".into(), 25.into())].into(), history, limit: 5, ..Default::default() };
    for item in client.recommend(query.into()).await?.recommendation.unwrap_or_default().items {
        println!("{} {}", item.item_id, item.reason_text);
    }

    // 2. Read your writes
    let liked =
        Interaction { user_id: "ada".into(), item_id: "item-02".into(), value: Some(5.0), ..Default::default() };
    let written = client.write_all([liked], 0).await?;
    let query = Some(Query { user_id: "ada".into(), ..Default::default() });
    let request = RecommendRequest { query, min_write_token: written.write_token, ..Default::default() };
    let answer = client.recommend(request).await?;

    // 3. A new item
    let genres = vec!["calm".to_string(), "new".to_string()];
    let attributes = [("title".into(), "A new one".into()), ("genres".into(), genres.into())].into();
    let items = vec![Item { item_id: "item-new".into(), attributes }];
    let stored = client.batch_upsert_items(BatchUpsertItemsRequest { items, ..Default::default() }).await?;
    let request = FindSimilarItemsRequest {
        item_id: "item-new".into(),
        limit: 3,
        min_write_token: stored.write_token,
        ..Default::default()
    };
    let nearest = client.find_similar_items(request).await?;

    // 4. Every page of a list
    let users = client.users(500);
    let user_ids: Vec<String> = users.map_ok(|user| user.user_id).try_collect().await?;

    // 5. A failure
    let request = GetItemRequest { item_id: "nowhere".into(), ..Default::default() };
    match client.get_item(request).await {
        Err(error) if matches!(error.kind, Kind::NotFound) => println!("{}", error.reason),
        other => drop(other?),
    }

    // end
    println!(
        "{:?} {} {}",
        answer.recommendation.map(|r| r.scenario()),
        nearest.recommendation.is_some(),
        user_ids.len()
    );
    Ok(())
}
