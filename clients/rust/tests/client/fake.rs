//! A server that does as it is told and remembers what it was sent.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use firstlight_client::v1::{self, *};
use futures_util::{StreamExt, stream};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    metadata::MetadataMap,
    transport::{Identity, Server, ServerTlsConfig},
};

/// What one call does before it is answered.
pub enum Act {
    Fail(Status),
    Hang,
}

pub struct Seen {
    pub method: &'static str,
    pub at: Instant,
    pub metadata: MetadataMap,
    pub catalog_id: String,
    pub request_id: String,
    /// How many interactions were sent.
    pub size: usize,
}

#[derive(Clone)]
pub struct Fake {
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// How many streams are being watched.
    pub watched: Arc<watch::Sender<usize>>,
}

impl Fake {
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts = Arc::new(Mutex::new(acts.into_iter().collect()));
        Self { acts, seen: Arc::default(), watched: Arc::new(watch::Sender::new(0)) }
    }

    pub fn failing(failures: impl IntoIterator<Item = Status>) -> Self {
        Self::new(failures.into_iter().map(Act::Fail))
    }

    /// Listens on `address`; port 0 takes a free one. Ends with the handle's abort.
    pub async fn serve(&self, address: &str) -> (String, JoinHandle<()>) {
        self.start(address, Server::builder()).await
    }

    pub async fn serve_tls(&self, identity: Identity) -> (String, JoinHandle<()>) {
        let tls = ServerTlsConfig::new().identity(identity);
        self.start("127.0.0.1:0", Server::builder().tls_config(tls).unwrap()).await
    }

    async fn start(&self, address: &str, mut server: Server) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let served = server
            .add_service(recommendation_service_server::RecommendationServiceServer::new(self.clone()))
            .add_service(item_service_server::ItemServiceServer::new(self.clone()))
            .add_service(interaction_service_server::InteractionServiceServer::new(self.clone()))
            .add_service(bundle_service_server::BundleServiceServer::new(self.clone()))
            .add_service(training_service_server::TrainingServiceServer::new(self.clone()))
            .add_service(plugin_service_server::PluginServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        (address.to_string(), tokio::spawn(async { served.await.unwrap() }))
    }

    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn seen<T>(&self, read: impl Fn(&Seen) -> T) -> Vec<T> {
        self.seen.lock().unwrap().iter().map(read).collect()
    }

    /// The pauses between calls.
    pub fn pauses(&self) -> Vec<Duration> {
        self.seen(|seen| seen.at).windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    async fn act<T>(
        &self,
        method: &'static str,
        request: Request<T>,
        about: impl Fn(&T) -> (&str, &str, usize),
    ) -> Result<T, Status> {
        let (metadata, _, message) = request.into_parts();
        let (catalog_id, request_id, size) = about(&message);
        let (catalog_id, request_id) = (catalog_id.to_owned(), request_id.to_owned());
        self.seen.lock().unwrap().push(Seen { method, at: Instant::now(), metadata, catalog_id, request_id, size });
        let act = self.acts.lock().unwrap().pop_front();
        match act {
            Some(Act::Fail(status)) => Err(status),
            Some(Act::Hang) => std::future::pending().await,
            None => Ok(message),
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl recommendation_service_server::RecommendationService for Fake {
    async fn recommend(&self, request: Request<RecommendRequest>) -> Answer<RecommendResponse> {
        let request = self.act("Recommend", request, |r| (&r.catalog_id, "", 0)).await?;
        let limit = request.query.unwrap_or_default().limit;
        let item = |i| RecommendedItem { item_id: format!("item-{i}"), ..Default::default() };
        let recommendation = Recommendation { items: (0..limit).map(item).collect(), ..Default::default() };
        Ok(Response::new(RecommendResponse { recommendation: Some(recommendation) }))
    }
}

#[tonic::async_trait]
impl item_service_server::ItemService for Fake {
    async fn get_item(&self, request: Request<GetItemRequest>) -> Answer<GetItemResponse> {
        let request = self.act("GetItem", request, |r| (&r.catalog_id, "", 0)).await?;
        let item_id = "x".repeat(request.item_id.parse().unwrap()); // an id of the length asked for
        Ok(Response::new(GetItemResponse { item: Some(v1::Item { item_id, ..Default::default() }) }))
    }

    /// 25 items.
    async fn list_items(&self, request: Request<ListItemsRequest>) -> Answer<ListItemsResponse> {
        let request = self.act("ListItems", request, |r| (&r.catalog_id, "", 0)).await?;
        let from: i32 = request.page_token.parse().unwrap_or(0);
        let to = (from + request.page_size).min(25);
        let items = (from..to).map(|i| v1::Item { item_id: format!("item-{i:02}"), ..Default::default() }).collect();
        let next_page_token = if to < 25 { to.to_string() } else { String::new() };
        Ok(Response::new(ListItemsResponse { items, next_page_token }))
    }
}

#[tonic::async_trait]
impl interaction_service_server::InteractionService for Fake {
    async fn batch_write_interactions(
        &self,
        request: Request<BatchWriteInteractionsRequest>,
    ) -> Answer<BatchWriteInteractionsResponse> {
        let about = |r: &BatchWriteInteractionsRequest| r.interactions.len();
        let request = self.act("Write", request, |r| (&r.catalog_id, &r.request_id, about(r))).await?;
        let written_count = request.interactions.len() as i32 - 1;
        let write_token = format!("token-{}", self.calls());
        Ok(Response::new(BatchWriteInteractionsResponse { write_token, written_count, unchanged_count: 1 }))
    }
}

#[tonic::async_trait]
impl bundle_service_server::BundleService for Fake {
    async fn rollback_bundle(&self, request: Request<RollbackBundleRequest>) -> Answer<RollbackBundleResponse> {
        self.act("RollbackBundle", request, |r| (&r.catalog_id, "", 0)).await?;
        Ok(Response::new(RollbackBundleResponse::default()))
    }
}

#[tonic::async_trait]
impl plugin_service_server::PluginService for Fake {
    async fn list_plugins(&self, request: Request<ListPluginsRequest>) -> Answer<ListPluginsResponse> {
        self.act("ListPlugins", request, |_| ("", "", 0)).await?;
        let plugin = Plugin { name: "popularity".into(), ..Default::default() };
        Ok(Response::new(ListPluginsResponse { plugins: vec![plugin], next_page_token: String::new() }))
    }
}

/// Counts a stream for as long as the server holds it.
struct Watched(Arc<watch::Sender<usize>>);

impl Watched {
    fn new(count: Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|n| *n += 1);
        Self(count)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

#[tonic::async_trait]
impl training_service_server::TrainingService for Fake {
    async fn create_training_job(
        &self,
        request: Request<CreateTrainingJobRequest>,
    ) -> Answer<CreateTrainingJobResponse> {
        self.act("CreateTrainingJob", request, |r| (&r.catalog_id, "", 0)).await?;
        Ok(Response::new(CreateTrainingJobResponse::default()))
    }

    /// PENDING, RUNNING, and then nothing for ever; a job named "broken" breaks.
    async fn watch_training_job(
        &self,
        request: Request<WatchTrainingJobRequest>,
    ) -> Answer<tonic::codegen::BoxStream<WatchTrainingJobResponse>> {
        let request = self.act("WatchTrainingJob", request, |r| (&r.catalog_id, "", 0)).await?;
        let watched = Watched::new(self.watched.clone());
        let states = [training_job::State::Pending, training_job::State::Running];
        let job = |state| TrainingJob { state: state as i32, ..Default::default() };
        let jobs = stream::iter(states.map(|state| Ok(WatchTrainingJobResponse { job: Some(job(state)) })));
        let rest = match request.job_id.as_str() {
            "broken" => stream::iter([Err(Status::data_loss("broken"))]).boxed(),
            _ => stream::pending().boxed(),
        };
        let kept = jobs.chain(rest).map(move |message| {
            let _ = &watched;
            message
        });
        Ok(Response::new(Box::pin(kept.boxed())))
    }
}
