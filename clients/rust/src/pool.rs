//! One connection for each address, taken in turn; broken ones are left out until they are back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::watch, time::sleep};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

use crate::{
    error::explain,
    retry::{Throttle, jittered},
};

/// A connection, or why there is none; an empty text until the first attempt has ended.
type State = Result<Channel, String>;

pub(crate) struct Pool {
    endpoints: Vec<Endpoint>,
    states: watch::Sender<Vec<State>>,
    turn: AtomicUsize,
    pub(crate) throttle: Throttle,
}

impl Pool {
    /// Begins to connect.
    pub(crate) fn open(endpoints: Vec<Endpoint>) -> Arc<Self> {
        let states = watch::Sender::new(vec![Err(String::new()); endpoints.len()]);
        let pool = Arc::new(Self { endpoints, states, turn: AtomicUsize::new(0), throttle: Throttle::new() });
        (0..pool.endpoints.len()).for_each(|index| pool.connect(index));
        pool
    }

    pub(crate) fn addresses(&self) -> String {
        self.endpoints.iter().map(address).collect::<Vec<_>>().join(", ")
    }

    /// The connection whose turn it is, and its index. Where there is none, waits for one, or with `wait` false only
    /// until every address has been tried.
    pub(crate) async fn pick(&self, wait: bool) -> Result<(usize, Channel), Status> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let tried = |states: &[State]| states.iter().all(|state| !matches!(state, Err(text) if text.is_empty()));
        let mut states = self.states.subscribe();
        let settled = states.wait_for(|states| states.iter().any(Result::is_ok) || !wait && tried(states)).await;
        let states = settled.map_err(|_| Status::unavailable("the client was closed"))?;
        let ready = || states.iter().enumerate().filter_map(|(index, state)| Some((index, state.as_ref().ok()?)));
        let picked = ready().nth(turn % ready().count().max(1)).map(|(index, channel)| (index, channel.clone()));
        picked.ok_or_else(|| {
            let failures: Vec<_> = states.iter().filter_map(|state| state.as_ref().err()).cloned().collect();
            Status::unavailable(failures.join("; "))
        })
    }

    /// Leaves an address out until it can be connected to again.
    pub(crate) fn failed(self: &Arc<Self>, index: usize, failure: &Status) {
        let state = Err(describe(&self.endpoints[index], failure));
        if self.states.send_if_modified(|states| std::mem::replace(&mut states[index], state).is_ok()) {
            self.connect(index);
        }
    }

    /// Connects in the background, again and again until it worked or the client is gone.
    fn connect(self: &Arc<Self>, index: usize) {
        let (pool, endpoint) = (Arc::downgrade(self), self.endpoints[index].clone());
        tokio::spawn(async move {
            let mut pause_s = 0.1;
            loop {
                let state = endpoint.connect().await.map_err(|failure| describe(&endpoint, &failure));
                let (connected, Some(pool)) = (state.is_ok(), pool.upgrade()) else {
                    return;
                };
                pool.states.send_modify(|states| states[index] = state);
                if connected {
                    return;
                }
                drop(pool);
                sleep(jittered(pause_s)).await;
                pause_s = f64::min(pause_s * 2.5, 2.0);
            }
        });
    }
}

fn describe(endpoint: &Endpoint, failure: &(dyn std::error::Error + 'static)) -> String {
    format!("cannot reach {}: {}", address(endpoint), explain(failure))
}

fn address(endpoint: &Endpoint) -> &str {
    endpoint.uri().authority().map_or("", |authority| authority.as_str())
}
