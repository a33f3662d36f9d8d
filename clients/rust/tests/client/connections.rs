use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use firstlight_client::{Client, Kind, Options, Tls};
use tokio::{io::AsyncReadExt, net::TcpListener, time::sleep};
use tonic::transport::Identity;

use crate::{client, fake::Fake, recommend};

/// An address where nothing listens.
async fn unused() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn waits_for_a_server_that_is_not_there_yet() {
    let (address, fake) = (unused().await, Fake::new([]));
    let client = client(&[&address]);
    let call = tokio::spawn(async move { recommend(&client).await });
    sleep(Duration::from_millis(700)).await;
    assert!(!call.is_finished());
    let (_, _server) = fake.serve(&address).await;
    assert_eq!(call.await.unwrap().unwrap().len(), 2);
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn waits_no_longer_than_the_deadline() {
    let client = client(&[&unused().await]).with_timeout(Duration::from_millis(300));
    let start = Instant::now();
    let error = recommend(&client).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Deadline), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_unreachable_server_is_a_failure_where_calls_must_not_wait() {
    let address = unused().await;
    let client = Client::connect([&address], Options { wait_for_ready: false, ..Options::default() }).unwrap();
    let start = Instant::now();
    let error = recommend(&client).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Unavailable), "{error}");
    assert!(error.message.contains(&address) && error.message.contains("refused"), "{error}");
    assert!((2.0..6.0).contains(&start.elapsed().as_secs_f64()), "five attempts: {:?}", start.elapsed());
}

#[tokio::test]
async fn addresses_take_turns() {
    let fakes = [Fake::new([]), Fake::new([]), Fake::new([])];
    let mut addresses = Vec::new();
    for fake in &fakes {
        addresses.push(fake.serve("127.0.0.1:0").await.0);
    }
    let client = client(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    recommend(&client).await.unwrap();
    sleep(Duration::from_millis(200)).await; // until all are connected
    let before = fakes.each_ref().map(Fake::calls);
    for _ in 0..9 {
        recommend(&client).await.unwrap();
    }
    let after = fakes.each_ref().map(Fake::calls);
    assert_eq!(after.iter().zip(before).map(|(after, before)| after - before).collect::<Vec<_>>(), [3, 3, 3]);
}

#[tokio::test]
async fn a_lost_address_is_left_out_until_it_is_back() {
    let (first, second) = (Fake::new([]), Fake::new([]));
    // A server's task ends but not the tasks of its connections: one runtime for each, to stop them all
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let serving = first.clone();
    let (address, _) = runtime.spawn(async move { serving.serve("127.0.0.1:0").await }).await.unwrap();
    let (other, _server) = second.serve("127.0.0.1:0").await;
    let client = client(&[&address, &other]);
    recommend(&client).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    for _ in 0..4 {
        recommend(&client).await.unwrap();
    }
    assert!(first.calls() >= 2 && second.calls() >= 2);

    runtime.shutdown_background();
    sleep(Duration::from_millis(100)).await;
    let before = second.calls();
    for _ in 0..6 {
        recommend(&client).await.unwrap();
    }
    assert_eq!(second.calls() - before, 6);

    let (before, (_, _server)) = (first.calls(), first.serve(&address).await);
    for _ in 0..40 {
        sleep(Duration::from_millis(100)).await;
        recommend(&client).await.unwrap();
    }
    assert!(first.calls() - before >= 10, "{}", first.calls() - before);
}

#[tokio::test]
async fn connections_that_break_are_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                sleep(Duration::from_millis(20)).await; // until the request is on its way
                socket.read(&mut [0; 1024]).await
            });
        }
    });
    let error = recommend(&client(&[&address])).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Unavailable), "{error:?}");
    assert_eq!(accepted.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_bearer_token_stays_off_plaintext_networks() {
    let options = || Options { bearer_token: Some("secret".into()), ..Options::default() };
    for address in ["example.com:7070", "10.0.0.1:7070", "[2001:db8::1]:7070", "localhost.example.com:7070"] {
        let error = Client::connect(["127.0.0.1:7070", address], options()).err().unwrap();
        assert!(matches!(error.kind, Kind::InvalidInput { .. }), "{address}");
        assert!(error.message.contains(address) && !error.message.contains("secret"), "{error}");
        let tls = Some(Tls::System);
        Client::connect([address], Options { tls, ..options() }).unwrap();
    }
    let fake = Fake::new([]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    recommend(&Client::connect([&address], options()).unwrap()).await.unwrap();
    assert_eq!(fake.seen(|seen| seen.metadata.get("authorization").unwrap().clone()), ["Bearer secret"]);
    Client::connect(["[::1]:7070", "localhost:7070"], options()).unwrap();
}

#[tokio::test]
async fn tls_trusts_the_given_authority_only() {
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let fake = Fake::new([]);
    let (address, _server) = fake.serve_tls(Identity::from_pem(&certificate, key)).await;
    let options = |tls| Options {
        tls: Some(tls),
        bearer_token: Some("secret".into()),
        wait_for_ready: false,
        ..Options::default()
    };
    recommend(&Client::connect([&address], options(Tls::Ca(certificate.into()))).unwrap()).await.unwrap();
    assert_eq!(fake.seen(|seen| seen.metadata.get("authorization").unwrap().clone()), ["Bearer secret"]);
    let error = recommend(&Client::connect([&address], options(Tls::System)).unwrap()).await.unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn what_cannot_be_an_address_is_refused() {
    for address in ["", "localhost", "host:port", "http://127.0.0.1:7070", "127.0.0.1:7070/path", "127.0.0.1:99999"] {
        let error = Client::connect([address], Options::default()).err();
        assert!(matches!(error.unwrap().kind, Kind::InvalidInput { .. }), "{address:?}");
    }
    assert!(Client::connect([""; 0], Options::default()).is_err());
    let bearer_token = Some("line\nbreak".to_owned());
    assert!(Client::connect(["127.0.0.1:1"], Options { bearer_token, ..Options::default() }).is_err());
}
