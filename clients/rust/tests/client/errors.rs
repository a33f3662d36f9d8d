use std::{collections::HashMap, error::Error as _};

use firstlight_client::{Error, Kind};
use tonic::{Code, Status};
use tonic_types::{BadRequest, ErrorDetails, ErrorInfo, FieldViolation, StatusExt};

use crate::{client, fake::Fake, recommend};

async fn fail(status: Status) -> Error {
    let fake = Fake::failing([status]);
    let (address, _server) = fake.serve("127.0.0.1:0").await;
    recommend(&client(&[&address])).await.unwrap_err()
}

#[tokio::test]
async fn violations_reach_the_caller() {
    let mut details = ErrorDetails::new();
    details.set_error_info("INVALID_FIELD", "firstlight", HashMap::from([("violations".into(), "7".into())]));
    details.set_bad_request(vec![FieldViolation::new("query.limit", "must not be negative")]);
    let error = fail(Status::with_error_details(Code::InvalidArgument, "one field", details)).await;
    let Kind::InvalidInput { violations, total } = &error.kind else { panic!("{error:?}") };
    assert_eq!(
        (violations[0].field.as_str(), violations[0].description.as_str()),
        ("query.limit", "must not be negative")
    );
    assert_eq!((violations.len(), *total), (1, 7));
    assert_eq!((error.reason.as_str(), error.code_name().as_str()), ("INVALID_FIELD", "INVALID_ARGUMENT"));
    assert_eq!(error.to_string(), "INVALID_ARGUMENT: one field");
    assert_eq!(error.metadata["violations"], "7");
    assert_eq!(error.source().unwrap().downcast_ref::<Status>().unwrap().message(), "one field");
}

#[tokio::test]
async fn violations_without_a_count_count_themselves() {
    let bad = BadRequest::new(vec![FieldViolation::new("a", "x"), FieldViolation::new("b", "y")]);
    let status = Status::with_error_details_vec(Code::InvalidArgument, "two", vec![bad.into()]);
    assert!(matches!(fail(status).await.kind, Kind::InvalidInput { total: 2, .. }));
}

#[tokio::test]
async fn every_code_has_its_kind() {
    let cases = [
        (Code::NotFound, "NotFound", "NOT_FOUND"),
        (Code::AlreadyExists, "Conflict", "ALREADY_EXISTS"),
        (Code::FailedPrecondition, "Precondition", "FAILED_PRECONDITION"),
        (Code::DataLoss, "CorruptBundle", "DATA_LOSS"),
        (Code::DeadlineExceeded, "Deadline", "DEADLINE_EXCEEDED"),
        (Code::Internal, "Other", "INTERNAL"),
        (Code::Unimplemented, "Other", "UNIMPLEMENTED"),
        (Code::Unknown, "Other", "UNKNOWN"),
        (Code::Unauthenticated, "Other", "UNAUTHENTICATED"),
    ];
    for (code, kind, name) in cases {
        let info = ErrorInfo::new("SOME_REASON", "firstlight", HashMap::from([("a".into(), "b".into())]));
        let error = fail(Status::with_error_details_vec(code, "text", vec![info.into()])).await;
        assert_eq!((format!("{:?}", error.kind).as_str(), error.code_name().as_str()), (kind, name));
        assert_eq!((error.code(), error.reason.as_str(), error.message.as_str()), (code, "SOME_REASON", "text"));
        assert_eq!(error.metadata["a"], "b");
    }
}

#[tokio::test]
async fn reasons_of_others_are_not_ours() {
    let info = ErrorInfo::new("SOME_REASON", "example.com", HashMap::from([("a".into(), "b".into())]));
    let error = fail(Status::with_error_details_vec(Code::NotFound, "", vec![info.into()])).await;
    assert!(error.reason.is_empty() && error.metadata.is_empty());
    assert!(fail(Status::not_found("no details")).await.reason.is_empty());
    assert!(fail(Status::with_details(Code::NotFound, "", vec![255, 255].into())).await.reason.is_empty());
}
