//! Unary calls in a closed loop over one connection.

use std::{
    fs,
    time::{Duration, Instant},
};

use firstlight_client::{
    Client, Options,
    tonic::transport::{Channel, Endpoint},
    v1::{RecommendRequest, recommendation_service_client::RecommendationServiceClient},
};
use prost::Message;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Arguments, Failure};

const WARM_UP: Duration = Duration::from_millis(500);

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

pub async fn run(arguments: &Arguments) -> Result<Value, Failure> {
    let server = arguments.get("server")?;
    let request = RecommendRequest::decode(fs::read(arguments.get("request")?)?.as_slice())?;
    let seconds = Duration::from_secs_f64(arguments.get("seconds")?.parse()?);
    let in_flight = arguments.get("in-flight")?.parse()?;
    match arguments.get("mode")? {
        "client" => measure(Client::connect([server], Options::default())?, request, seconds, in_flight).await,
        "bare" => {
            let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await?;
            measure(RecommendationServiceClient::new(channel), request, seconds, in_flight).await
        }
        other => Err(format!("unknown mode {other}").into()),
    }
}

async fn measure(
    caller: impl Caller,
    request: RecommendRequest,
    seconds: Duration,
    in_flight: usize,
) -> Result<Value, Failure> {
    let start = Instant::now() + WARM_UP;
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (caller, request) = (caller.clone(), request.clone());
        tasks.spawn(async move {
            let (mut latencies, mut errors) = (Vec::new(), 0);
            loop {
                let sent = Instant::now();
                if sent >= start + seconds {
                    return (latencies, errors);
                }
                let worked = caller.call(request.clone()).await;
                if sent >= start {
                    latencies.push(sent.elapsed());
                    errors += usize::from(!worked);
                }
            }
        });
    }
    let (mut latencies, mut errors) = (Vec::new(), 0);
    for (mine, failed) in tasks.join_all().await {
        latencies.extend(mine);
        errors += failed;
    }
    let took = start.elapsed();
    latencies.sort();
    let percentile = |share: f64| {
        let at = (share * latencies.len() as f64) as usize;
        latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    Ok(json!({
        "calls": latencies.len(),
        "seconds": took.as_secs_f64(),
        "p50_ms": percentile(0.5),
        "p99_ms": percentile(0.99),
        "errors": errors,
    }))
}
