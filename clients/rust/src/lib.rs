//! The client of Firstlight, the recommender engine for new users and new items.
//!
//! Requests and answers are the messages of [`v1`]; every failure is an [`Error`]. See the README for an example.

mod calls;
mod client;
mod error;
mod pool;
mod retry;
mod values;

pub use client::{Client, Options, Tls};
pub use error::{Error, Kind};
pub use futures_util::stream::BoxStream;
pub use prost_types;
pub use tonic;
pub use tonic_types::FieldViolation;
pub use values::{MAX_HISTORY, newest};

/// Messages and stubs of the package `firstlight.v1`.
#[allow(clippy::all, missing_docs, rustdoc::all)]
pub mod v1 {
    include!("v1/firstlight.v1.rs");
}
