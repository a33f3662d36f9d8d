//! Rust values as messages.

use crate::v1::{
    AttributeValue, FloatVector, HistoryEntry, Query, RecommendRequest, StringList, attribute_value::Value,
};

/// The most history entries a query may have.
pub const MAX_HISTORY: usize = 100_000;

/// The newest entries of a history of any length, oldest first as it was: as many as a query may have.
pub fn newest(mut history: Vec<HistoryEntry>) -> Vec<HistoryEntry> {
    history.drain(..history.len().saturating_sub(MAX_HISTORY));
    history
}

impl From<Query> for RecommendRequest {
    fn from(query: Query) -> Self {
        Self { query: Some(query), ..Self::default() }
    }
}

macro_rules! attribute_from {
    ($($from:ty: $value:ident => $wrapped:expr;)*) => { $(
        impl From<$from> for AttributeValue {
            fn from($value: $from) -> Self {
                Self { value: Some($wrapped) }
            }
        }
    )* };
}

attribute_from! {
    &str: value => Value::StringValue(value.to_owned());
    String: value => Value::StringValue(value);
    f64: value => Value::DoubleValue(value);
    i64: value => Value::Int64Value(value);
    bool: value => Value::BoolValue(value);
    Vec<String>: values => Value::StringListValue(StringList { values });
    Vec<f32>: values => Value::FloatVectorValue(FloatVector { values });
    prost_types::Timestamp: value => Value::TimestampValue(value);
}
