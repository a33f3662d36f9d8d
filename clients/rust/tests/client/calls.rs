use std::{collections::HashSet, time::Duration};

use firstlight_client::{Client, Kind, MAX_HISTORY, Options, newest, v1::*};
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::timeout;
use tonic::Status;

use crate::{
    client,
    fake::{Act, Fake},
    recommend,
};

#[tokio::test]
async fn the_catalogue_is_filled_in_where_a_request_names_none() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let options = Options { catalog_id: "films".into(), ..Options::default() };
    let client = Client::connect([&address], options).unwrap();
    recommend(&client).await.unwrap();
    client.recommend(RecommendRequest { catalog_id: "books".into(), ..Default::default() }).await.unwrap();
    recommend(&client.clone().with_catalog_id("music")).await.unwrap();
    let _: Vec<Plugin> = client.plugins(0).try_collect().await.unwrap();
    assert_eq!(fake.seen(|seen| seen.catalog_id.clone()), ["films", "books", "music", ""]);
}

#[tokio::test]
async fn pages_are_one_stream() {
    let fake = Fake::failing([Status::unavailable("once")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let items: Vec<_> = client(&[&address]).items(10).map_ok(|item| item.item_id).try_collect().await.unwrap();
    assert_eq!(items, (0..25).map(|i| format!("item-{i:02}")).collect::<Vec<_>>());
    assert_eq!(fake.calls(), 1 + 3);
}

#[tokio::test]
async fn pages_are_fetched_as_they_are_needed_and_end_at_a_failure() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let items: Vec<_> = client(&[&address]).items(10).take(10).try_collect().await.unwrap();
    assert_eq!((items.len(), fake.calls()), (10, 1));

    let fake = Fake::failing([Status::not_found("no catalogue")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let items: Vec<_> = client(&[&address]).items(10).collect().await;
    assert_eq!(items.len(), 1);
    assert!(matches!(items[0].as_ref().unwrap_err().kind, Kind::NotFound));
}

fn interactions(count: usize) -> impl Iterator<Item = Interaction> {
    (0..count).map(|i| Interaction { user_id: "ada".into(), item_id: i.to_string(), ..Default::default() })
}

#[tokio::test]
async fn batches_keep_their_request_id_over_retries() {
    let fake = Fake::failing([Status::unavailable("once"), Status::cancelled("twice")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let written = client(&[&address]).write_all(interactions(2_500), 0).await.unwrap();
    assert_eq!(fake.seen(|seen| seen.size), [1_000, 1_000, 1_000, 1_000, 500]);
    let ids = fake.seen(|seen| seen.request_id.clone());
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids.iter().all(|id| id.len() == 36), "{ids:?}");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!((written.written_count, written.unchanged_count, written.write_token.as_str()), (2_497, 3, "token-5"));
}

#[tokio::test]
async fn batches_are_at_most_ten_thousand() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    client(&[&address]).write_all(interactions(10_001), 50_000).await.unwrap();
    client(&[&address]).write_all(interactions(0), 10).await.unwrap();
    assert_eq!(fake.seen(|seen| seen.size), [10_000, 1]);
}

#[tokio::test]
async fn a_request_id_of_ones_own_is_kept() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let request = BatchWriteInteractionsRequest {
        interactions: interactions(1).collect(),
        request_id: "mine".into(),
        ..Default::default()
    };
    client(&[&address]).batch_write_interactions(request).await.unwrap();
    assert_eq!(fake.seen(|seen| seen.request_id.clone()), ["mine"]);
}

#[tokio::test]
async fn dropping_a_watch_cancels_the_call() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let client = client(&[&address]).with_timeout(Duration::from_millis(100));
    let mut jobs = client.watch_training_job(WatchTrainingJobRequest::default()).await.unwrap();
    assert_eq!(jobs.next().await.unwrap().unwrap().job.unwrap().state(), training_job::State::Pending);
    assert_eq!(jobs.next().await.unwrap().unwrap().job.unwrap().state(), training_job::State::Running);
    timeout(Duration::from_millis(300), jobs.next()).await.unwrap_err(); // a watch has no deadline
    let mut watched = fake.watched.subscribe();
    assert_eq!(*watched.borrow_and_update(), 1);
    drop(jobs);
    timeout(Duration::from_secs(5), watched.wait_for(|count| *count == 0)).await.unwrap().unwrap();
    assert!(fake.seen(|seen| seen.metadata.get("grpc-timeout").is_none())[0]);
}

#[tokio::test]
async fn dropping_a_call_cancels_it() {
    let fake = Fake::new([Act::Hang]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let client = client(&[&address]);
    timeout(Duration::from_millis(200), recommend(&client)).await.unwrap_err();
    recommend(&client).await.unwrap();
}

#[tokio::test]
async fn failures_within_a_stream_are_typed() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let request = WatchTrainingJobRequest { job_id: "broken".into(), ..Default::default() };
    let jobs: Vec<_> = client(&[&address]).watch_training_job(request).await.unwrap().collect().await;
    assert_eq!(jobs.len(), 3);
    assert!(matches!(jobs[2].as_ref().unwrap_err().kind, Kind::CorruptBundle));
}

#[tokio::test]
async fn answers_may_be_large() {
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let request = GetItemRequest { item_id: (20 * 1024 * 1024).to_string(), ..Default::default() };
    let item = client(&[&address]).get_item(request).await.unwrap().item.unwrap();
    assert_eq!(item.item_id.len(), 20 * 1024 * 1024);
}

#[test]
fn the_newest_of_a_long_history_are_kept() {
    let entry = |i: usize| HistoryEntry { item_id: i.to_string(), ..Default::default() };
    let kept = newest((0..MAX_HISTORY + 5).map(entry).collect());
    assert_eq!((kept.len(), kept[0].item_id.as_str()), (MAX_HISTORY, "5"));
    assert_eq!(newest(vec![entry(1)]).len(), 1);
}

#[test]
fn attributes_are_made_of_plain_values() {
    use attribute_value::Value;
    let made: [AttributeValue; 4] = ["calm".into(), 25.into(), 0.5.into(), true.into()];
    let expected =
        [Value::StringValue("calm".into()), Value::Int64Value(25), Value::DoubleValue(0.5), Value::BoolValue(true)];
    assert_eq!(made.map(|attribute| attribute.value.unwrap()), expected);
    let several = AttributeValue::from(vec!["calm".to_owned(), "new".to_owned()]);
    assert!(matches!(several.value, Some(Value::StringListValue(list)) if list.values.len() == 2));
}

/// The example in the README is a file, and works.
#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_runs() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&std::fs::read_to_string("examples/quickstart.rs").unwrap()));
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let built = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples").join("quickstart");
    let output = std::process::Command::new(built).arg(address).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 5);
}
