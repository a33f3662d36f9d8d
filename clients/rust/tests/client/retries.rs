use std::time::{Duration, Instant};

use firstlight_client::{Client, Kind, Options, v1::*};
use tonic::Status;

use crate::{
    client,
    fake::{Act, Fake},
    pushed_back, recommend,
};

#[test]
fn the_service_config_is_the_shared_one() {
    if let Ok(shared) = std::fs::read("../../protos/service_config.json") {
        assert!(shared == include_bytes!("../../src/service_config.json"), "copy protos/service_config.json again");
    }
}

#[tokio::test]
async fn retries_until_it_works_with_growing_pauses() {
    let failures = [Status::unavailable("a"), Status::resource_exhausted("b"), Status::cancelled("c")];
    let fake = Fake::failing(failures);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    assert_eq!(recommend(&client(&[&address])).await.unwrap(), ["item-0", "item-1"]);
    let pauses: Vec<_> = fake.pauses().iter().map(Duration::as_secs_f64).collect();
    assert_eq!(pauses.len(), 3);
    for (pause, expected) in pauses.into_iter().zip([0.1, 0.25, 0.625]) {
        assert!((0.8 * expected..1.2 * expected + 0.5).contains(&pause), "{pause} for {expected}");
    }
}

#[tokio::test]
async fn gives_up_after_five_attempts() {
    let fake = Fake::failing(vec![Status::unavailable("down"); 9]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let error = recommend(&client(&[&address])).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Unavailable));
    assert_eq!((fake.calls(), error.message.as_str()), (5, "down"));
}

#[tokio::test]
async fn other_failures_are_final() {
    let fake = Fake::failing([Status::internal("no")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    assert_eq!(recommend(&client(&[&address])).await.unwrap_err().code_name(), "INTERNAL");
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn a_push_back_replaces_the_pause() {
    let fake = Fake::failing([pushed_back("400"), pushed_back("0"), pushed_back("0"), pushed_back("0")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    recommend(&client(&[&address])).await.unwrap();
    let pauses = fake.pauses();
    assert!(pauses[0] >= Duration::from_millis(400), "{pauses:?}");
    let others: Duration = pauses[1..].iter().sum();
    assert!(others < Duration::from_millis(780), "the client's own would be longer: {pauses:?}");
}

#[tokio::test]
async fn a_push_back_that_is_no_number_forbids_a_retry() {
    for value in ["-1", "soon", ""] {
        let fake = Fake::failing([pushed_back(value)]);
        let (address, _server) = fake.serve("127.0.0.1:0").await;
        assert!(matches!(recommend(&client(&[&address])).await.unwrap_err().kind, Kind::Unavailable));
        assert_eq!(fake.calls(), 1, "{value:?}");
    }
}

#[tokio::test]
async fn some_methods_are_never_retried() {
    let fake = Fake::failing(vec![Status::unavailable("down"); 3]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let client = client(&[&address]);
    client.rollback_bundle(RollbackBundleRequest::default()).await.unwrap_err();
    client.create_training_job(CreateTrainingJobRequest::default()).await.unwrap_err();
    client.watch_training_job(WatchTrainingJobRequest::default()).await.err().unwrap();
    assert_eq!(fake.seen(|seen| seen.method), ["RollbackBundle", "CreateTrainingJob", "WatchTrainingJob"]);
}

#[tokio::test]
async fn most_calls_failing_stops_retries() {
    let fake = Fake::failing(std::iter::repeat_with(|| pushed_back("0")).take(150));
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let client = client(&[&address]);
    for _ in 0..30 {
        recommend(&client).await.unwrap_err();
    }
    // 100 tokens: after 50 failures, ten calls of five attempts each, half of them are gone
    assert_eq!(fake.calls(), 50 + 20);
    let other = crate::client(&[&address]);
    recommend(&other).await.unwrap_err();
    assert_eq!(fake.calls(), 70 + 5, "another client has its own tokens");
}

#[tokio::test]
async fn the_deadline_holds_for_all_attempts_together() {
    for act in [Act::Fail(pushed_back("60000")), Act::Hang] {
        let fake = Fake::new([act]);
        let (address, _server) = fake.serve("127.0.0.1:0").await;
        let client = client(&[&address]).with_timeout(Duration::from_millis(300));
        let start = Instant::now();
        let error = recommend(&client).await.unwrap_err();
        assert!(matches!(error.kind, Kind::Deadline), "{error}");
        assert!(error.message.contains(&address) && error.message.contains("300ms"), "{error}");
        assert!((280..2_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_deadline_of_a_single_attempt_is_no_other_failure() {
    let fake = Fake::new((0..20).map(|_| Act::Hang));
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let client = client(&[&address]).with_timeout(Duration::from_millis(50));
    for _ in 0..20 {
        let error = client.rollback_bundle(RollbackBundleRequest::default()).await.unwrap_err();
        assert!(matches!(error.kind, Kind::Deadline), "{error}");
    }
}

#[tokio::test]
async fn each_attempt_tells_the_server_what_is_left() {
    let fake = Fake::failing([pushed_back("300")]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    let options = Options { timeout: Duration::from_secs(2), ..Options::default() };
    recommend(&Client::connect([&address], options).unwrap()).await.unwrap();
    let left = fake.seen(|seen| {
        let text = seen.metadata.get("grpc-timeout").unwrap().to_str().unwrap().to_owned();
        let (number, unit) = text.split_at(text.len() - 1);
        number.parse::<f64>().unwrap() * if unit == "n" { 1e-9 } else { 1e-6 }
    });
    assert!(left[0] <= 2.0 && left[0] > 1.5 && left[1] <= left[0] - 0.3, "{left:?}");
}
