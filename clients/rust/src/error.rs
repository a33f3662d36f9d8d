//! A failed call as one error type.

use std::{collections::BTreeMap, error::Error as StdError, fmt, iter, sync::Arc};

use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tonic_types::{FieldViolation, StatusExt};

/// What went wrong, by status code.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Kind {
    /// What was given cannot be used. Each violation has a field, such as `interactions[17].value`, and a description;
    /// `total` counts those that were cut off too.
    InvalidInput { violations: Vec<FieldViolation>, total: usize },
    /// The named thing does not exist.
    NotFound,
    /// The same key was used before for something else.
    Conflict,
    /// The system is not in the state this call needs.
    Precondition,
    /// A bundle's bytes are not those its manifest promises.
    CorruptBundle,
    /// The server, or what it depends on, did not answer; the same call may succeed later.
    Unavailable,
    /// There was no answer within the call's timeout.
    Deadline,
    /// Anything else; see the code.
    Other,
}

/// A failed call. Its source is the [`Status`] it was made from.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: Kind,
    /// A value of `ErrorReason` without its prefix; empty where the failure is not one of Firstlight's own.
    pub reason: String,
    pub metadata: BTreeMap<String, String>,
    pub message: String,
    status: Box<Status>,
}

impl Error {
    /// The status code.
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// The status code's name, such as `NOT_FOUND`.
    pub fn code_name(&self) -> String {
        code_name(self.code())
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let status = settled(status);
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == "firstlight");
        let reason = info.map(|info| info.reason.clone()).unwrap_or_default();
        let metadata: BTreeMap<_, _> = info.map(|info| info.metadata.clone()).into_iter().flatten().collect();
        let kind = match status.code() {
            Code::InvalidArgument => {
                let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
                let total = metadata.get("violations").and_then(|n| n.parse().ok()).unwrap_or(violations.len());
                Kind::InvalidInput { violations, total }
            }
            Code::NotFound => Kind::NotFound,
            Code::AlreadyExists => Kind::Conflict,
            Code::FailedPrecondition => Kind::Precondition,
            Code::DataLoss => Kind::CorruptBundle,
            Code::Unavailable => Kind::Unavailable,
            Code::DeadlineExceeded => Kind::Deadline,
            _ => Kind::Other,
        };
        Self { kind, reason, metadata, message: status.message().to_owned(), status: Box::new(status) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code_name(), self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.status.as_ref())
    }
}

/// `NotFound` to `NOT_FOUND`.
pub(crate) fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Whether the call never left because there was no connection.
pub(crate) fn never_sent(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

/// Whether tonic's own timer ended the call.
pub(crate) fn timed_out(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<TimeoutExpired>())
}

/// A connection that broke, which tonic calls UNKNOWN, CANCELLED or INTERNAL, is UNAVAILABLE as in other languages.
/// What a server sent has no source.
pub(crate) fn settled(status: Status) -> Status {
    if status.source().is_none() || !matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal) {
        return status;
    }
    let mut settled = Status::unavailable(explain(&status));
    settled.set_source(Arc::new(status));
    settled
}

/// The texts of an error's causes in one line; the outermost says little.
pub(crate) fn explain(error: &(dyn StdError + 'static)) -> String {
    let texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}
