//! The conformance runner and the benchmark of the Rust client:
//!
//! - `conformance --cases DIR --server HOST:PORT --faults HOST:PORT,HOST:PORT --tls HOST:PORT --ca FILE --run ID`
//! - `bench --server HOST:PORT --in-flight N --request FILE`

mod bench;
mod calls;
mod conformance;
mod values;

use std::{collections::HashMap, env};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was given with `--name value`.
pub struct Arguments(HashMap<String, String>);

impl Arguments {
    pub fn get(&self, name: &str) -> Result<&str, Failure> {
        Ok(self.0.get(&format!("--{name}")).ok_or_else(|| format!("--{name} is missing"))?)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (mode, options) = words.split_first().ok_or("usage: conformance|bench --name value ...")?;
    let pairs = options.chunks(2).filter_map(|pair| Some((pair[0].clone(), pair.get(1)?.clone())));
    let arguments = Arguments(pairs.collect());
    match mode.as_str() {
        "conformance" => println!("{}", conformance::run(&arguments).await?),
        "bench" => bench::run(&arguments).await?,
        other => return Err(format!("unknown mode {other}").into()),
    }
    Ok(())
}
