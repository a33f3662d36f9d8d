//! How calls are sent: connections, deadlines, retries, tokens.

use std::{future::pending, net::IpAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream::BoxStream};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::{
    error::{Error, explain, never_sent, settled, timed_out},
    pool::Pool,
    retry::Failures,
};

pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600); // an Instant holds no Duration::MAX

/// Sends a request through a generated stub.
type Stub<Q, R> = fn(Channel, Request<Q>) -> BoxFuture<'static, Result<Response<R>, Status>>;

/// Whom to trust.
#[derive(Debug, Clone)]
pub enum Tls {
    /// The certificate authorities of the system.
    System,
    /// These certificate authorities, in PEM.
    Ca(Vec<u8>),
}

/// How to connect and to call.
#[derive(Clone)]
pub struct Options {
    /// The catalogue of every request that names none; empty is the server's default.
    pub catalog_id: String,
    /// For one call with its retries; a watch has none.
    pub timeout: Duration,
    /// Whether a call waits until its timeout for a server that cannot be reached; otherwise that is a failed attempt.
    pub wait_for_ready: bool,
    /// None for plaintext.
    pub tls: Option<Tls>,
    /// Sent with every call; without TLS to loopback addresses only.
    pub bearer_token: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        let timeout = Duration::from_secs(10);
        Self { catalog_id: String::new(), timeout, wait_for_ready: true, tls: None, bearer_token: None }
    }
}

/// Calls one server, or several in turn. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
    token: Option<MetadataValue<Ascii>>,
    pub(crate) options: Options,
}

impl Client {
    /// A client of the server at `addresses`, each `host:port`. Does not wait: calls wait for the connection. Must be
    /// called within a tokio runtime. A host's addresses are looked up anew for every connection.
    ///
    /// # Errors
    /// [`Kind::InvalidInput`](crate::Kind) for an address, a certificate or a token that cannot be used.
    pub fn connect<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>, mut options: Options) -> Result<Self, Error> {
        let addresses = addresses.into_iter();
        let endpoints: Vec<_> =
            addresses.map(|address| endpoint(address.as_ref(), &options)).collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            return Err(Status::invalid_argument("no address to connect to").into());
        }
        let token = options.bearer_token.take().map(|token| format!("Bearer {token}").parse()).transpose();
        let token = token.map_err(|_| Status::invalid_argument("the bearer token is not printable ASCII"))?;
        Ok(Self { pool: Pool::open(endpoints), token, options })
    }

    /// The same client with another catalogue.
    pub fn with_catalog_id(mut self, catalog_id: impl Into<String>) -> Self {
        self.options.catalog_id = catalog_id.into();
        self
    }

    /// The same client with another timeout.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Calls until an answer, a failure that is not worth another try, or the deadline.
    pub(crate) async fn unary<Q: Clone, R>(
        &self,
        path: &'static str,
        request: Q,
        stub: Stub<Q, R>,
    ) -> Result<R, Error> {
        let deadline = Instant::now() + self.options.timeout.min(LONGEST);
        let call = async {
            let mut failures = Failures::default();
            loop {
                match self.attempt(&request, Some(deadline), stub).await {
                    Ok(response) => {
                        self.pool.throttle.succeeded();
                        return Ok(response.into_inner());
                    }
                    Err(failure) => match failures.pause(path, &failure, &self.pool.throttle) {
                        Some(pause) => sleep(pause).await,
                        None => return Err(failure.into()),
                    },
                }
            }
        };
        timeout_at(deadline, call).await.unwrap_or_else(|_| {
            let (addresses, timeout) = (self.pool.addresses(), self.options.timeout);
            let text = format!("no answer from {addresses} within {timeout:?}: is a server running there?");
            Err(Status::deadline_exceeded(text).into())
        })
    }

    /// Opens a stream, which has no deadline and is never retried. Dropping it cancels the call.
    pub(crate) async fn streamed<Q: Clone, R: Send + 'static>(
        &self,
        request: Q,
        stub: Stub<Q, Streaming<R>>,
    ) -> Result<BoxStream<'static, Result<R, Error>>, Error> {
        let responses = self.attempt(&request, None, stub).await?.into_inner();
        Ok(responses.map_err(Error::from).boxed())
    }

    /// Sends once, over the connection whose turn it is. What never left because that was broken goes over the next.
    async fn attempt<Q: Clone, R>(
        &self,
        message: &Q,
        deadline: Option<Instant>,
        stub: Stub<Q, R>,
    ) -> Result<Response<R>, Status> {
        loop {
            let (index, channel) = self.pool.pick(self.options.wait_for_ready).await?;
            let mut request = Request::new(message.clone());
            if let Some(deadline) = deadline {
                request.set_timeout(deadline.saturating_duration_since(Instant::now()));
            }
            if let Some(token) = &self.token {
                request.metadata_mut().insert("authorization", token.clone());
            }
            match stub(channel, request).await {
                Err(failure) if timed_out(&failure) => pending().await, // the whole call's timer ends this at once
                Err(failure) if never_sent(&failure) => self.pool.failed(index, &failure),
                result => return result.map_err(settled),
            }
        }
    }
}

fn endpoint(address: &str, options: &Options) -> Result<Endpoint, Error> {
    let invalid = |why: &dyn std::fmt::Display| Status::invalid_argument(format!("address {address:?}: {why}"));
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
        .and_then(|endpoint| endpoint.user_agent(concat!("firstlight-rust/", env!("CARGO_PKG_VERSION"))))
        .map_err(|error| invalid(&explain(&error)))?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    let uri = endpoint.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if uri.port().is_none() || uri.path() != "/" {
        return Err(invalid(&"expected host:port").into());
    }
    let Some(tls) = &options.tls else {
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if options.bearer_token.is_some() && !loopback {
            return Err(invalid(&"a bearer token is sent over TLS only").into());
        }
        return Ok(endpoint);
    };
    let config = ClientTlsConfig::new().domain_name(host);
    let config = match tls {
        Tls::System => config.with_native_roots(),
        Tls::Ca(pem) => config.ca_certificate(Certificate::from_pem(pem)),
    };
    endpoint.tls_config(config).map_err(|error| invalid(&explain(&error)).into())
}
