//! Slices of unary calls in a closed loop, through the client or the bare stub, over one connection each.

use std::{
    fs, io,
    time::{Duration, Instant},
};

use firstlight_client::{
    Client, Options,
    tonic::transport::{Channel, Endpoint},
    v1::{RecommendRequest, recommendation_service_client::RecommendationServiceClient},
};
use prost::Message;
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};

use crate::{Arguments, Failure};

/// Makes one call; whether it worked.
trait Caller: Clone + Send + Sync + 'static {
    fn call(&self, request: RecommendRequest) -> impl Future<Output = bool> + Send;
}

impl Caller for Client {
    async fn call(&self, request: RecommendRequest) -> bool {
        self.recommend(request).await.is_ok()
    }
}

impl Caller for RecommendationServiceClient<Channel> {
    async fn call(&self, request: RecommendRequest) -> bool {
        self.clone().recommend(request).await.is_ok()
    }
}

/// Prints one line for each line `MODE SECONDS` of the standard input.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.get("server")?;
    let request = RecommendRequest::decode(fs::read(arguments.get("request")?)?.as_slice())?;
    let in_flight = arguments.get("in-flight")?.parse()?;
    let client = Client::connect([server], Options::default())?;
    let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await?;
    let bare = RecommendationServiceClient::new(channel);
    while let Some(line) = spawn_blocking(|| io::stdin().lines().next()).await?.transpose()? {
        let (mode, seconds) = line.split_once(' ').ok_or("a line is MODE SECONDS")?;
        let length = Duration::from_secs_f64(seconds.parse()?);
        let told = match mode {
            "client" => slice(client.clone(), &request, length, in_flight).await,
            "bare" => slice(bare.clone(), &request, length, in_flight).await,
            other => return Err(format!("unknown mode {other}").into()),
        };
        println!("{told}");
    }
    Ok(())
}

async fn slice(caller: impl Caller, request: &RecommendRequest, length: Duration, in_flight: usize) -> Value {
    let start = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..in_flight {
        let (caller, request) = (caller.clone(), request.clone());
        loops.spawn(async move {
            let (mut latencies, mut errors) = (Vec::new(), 0);
            while start.elapsed() < length {
                let sent = Instant::now();
                match caller.call(request.clone()).await {
                    true => latencies.push(sent.elapsed().as_secs_f64() * 1e3),
                    false => errors += 1,
                }
            }
            (latencies, errors)
        });
    }
    let (latencies, errors): (Vec<_>, Vec<i32>) = loops.join_all().await.into_iter().unzip();
    json!({
        "seconds": start.elapsed().as_secs_f64(),
        "latencies_ms": latencies.concat(),
        "errors": errors.iter().sum::<i32>(),
    })
}
