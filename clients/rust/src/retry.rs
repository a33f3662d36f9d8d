//! Retries as `service_config.json` asks for them: tonic reads no service config.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tonic::Status;

use crate::error::code_name;

static CONFIG: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("service_config.json")).expect("the shipped service config is JSON")
});
static THROTTLING: LazyLock<Option<(f64, f64)>> = LazyLock::new(|| {
    let number = |key| CONFIG["retryThrottling"][key].as_f64();
    number("maxTokens").zip(number("tokenRatio"))
});

/// The policy for `service/method`: its own, its service's, or the default; null where there is none.
fn policy(path: &str) -> &'static Value {
    let methods = || CONFIG["methodConfig"].as_array().into_iter().flatten();
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let named = |name: &Value, key, wanted| name[key].as_str().unwrap_or_default() == wanted;
    let find = |(service, method)| {
        let is = |name| named(name, "service", service) && named(name, "method", method);
        methods().find(|config| config["name"].as_array().is_some_and(|names| names.iter().any(is)))
    };
    [(service, method), (service, ""), ("", "")].into_iter().find_map(find).map_or(&Value::Null, |c| &c["retryPolicy"])
}

/// Stops the retries of a client while most of its calls fail, so that they do not keep a struggling server down.
pub(crate) struct Throttle(Mutex<f64>);

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(THROTTLING.map_or(0.0, |(max, _)| max)))
    }

    pub(crate) fn succeeded(&self) {
        self.count(|ratio| ratio);
    }

    /// Whether too few tokens are left to retry.
    fn failed(&self) -> bool {
        self.count(|_| -1.0)
    }

    fn count(&self, change: impl Fn(f64) -> f64) -> bool {
        THROTTLING.is_some_and(|(max, ratio)| {
            let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *tokens = (*tokens + change(ratio)).clamp(0.0, max);
            *tokens <= max / 2.0
        })
    }
}

/// The failed attempts of one call.
#[derive(Default)]
pub(crate) struct Failures {
    count: u64,
    since_push_back: i32,
}

impl Failures {
    /// How long to wait after an attempt that failed; None where it was the last one. The server has its say: a
    /// push-back replaces the pause, or forbids another attempt where it is not a number from 0 on.
    pub(crate) fn pause(&mut self, path: &str, failure: &Status, throttle: &Throttle) -> Option<Duration> {
        let (policy, code) = (policy(path), code_name(failure.code()));
        if !policy["retryableStatusCodes"].as_array()?.iter().any(|retryable| *retryable == code) {
            return None;
        }
        self.count += 1;
        let push_backs: Vec<_> = failure.metadata().get_all("grpc-retry-pushback-ms").iter().collect();
        let push_back = match push_backs[..] {
            [] => None,
            [ms] => Some(ms.to_str().ok().and_then(|ms| ms.parse::<u32>().ok())),
            _ => Some(None),
        };
        if throttle.failed() || push_back == Some(None) || self.count >= policy["maxAttempts"].as_u64()? {
            return None;
        }
        if let Some(Some(ms)) = push_back {
            self.since_push_back = 0;
            return Some(Duration::from_millis(ms.into()));
        }
        let seconds = |key: &str| policy[key].as_str()?.strip_suffix('s')?.parse::<f64>().ok();
        let growth = policy["backoffMultiplier"].as_f64()?.powi(self.since_push_back);
        self.since_push_back += 1;
        Some(jittered((seconds("initialBackoff")? * growth).min(seconds("maxBackoff")?)))
    }
}

/// 80 to 120 % of a pause: clients that failed together do not come back together.
pub(crate) fn jittered(seconds: f64) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() as u32;
    Duration::from_secs_f64(seconds * (0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX)))
}
