package firstlight_test

import (
	"errors"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"firstlight.dev/go/firstlight"
)

// fail returns the error that the client makes of a status.
func fail(t *testing.T, code codes.Code, details ...protoadapt.MessageV1) *firstlight.Error {
	t.Helper()
	server := serve(t, func(attempt) (any, error) {
		answer, err := status.New(code, "what is wrong").WithDetails(details...)
		if err != nil {
			t.Error(err)
		}
		return nil, answer.Err()
	})
	_, err := recommend(connect(t, firstlight.Options{}, server.address))
	var failed *firstlight.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%T: %v", err, err)
	}
	if failed.Code != code || status.Code(err) != code {
		t.Error(failed.Code, status.Code(err))
	}
	return failed
}

func TestEachCodeHasItsClass(t *testing.T) {
	for code, class := range map[codes.Code]firstlight.Class{
		codes.InvalidArgument:    firstlight.InvalidInput,
		codes.NotFound:           firstlight.NotFound,
		codes.AlreadyExists:      firstlight.Conflict,
		codes.FailedPrecondition: firstlight.Precondition,
		codes.DataLoss:           firstlight.CorruptBundle,
		codes.Unavailable:        firstlight.Unavailable,
		codes.DeadlineExceeded:   firstlight.Deadline,
	} {
		info := &errdetails.ErrorInfo{Domain: "firstlight", Reason: "A_REASON", Metadata: map[string]string{"a": "b"}}
		failed := fail(t, code, info)
		if !errors.Is(failed, class) || errors.Is(failed, firstlight.Class(codes.Internal)) {
			t.Errorf("%s is not %s", code, class)
		}
		if failed.Reason != "A_REASON" || failed.Metadata["a"] != "b" || failed.Message != "what is wrong" {
			t.Errorf("%+v", failed)
		}
	}
}

func TestAnErrorWithoutDetails(t *testing.T) {
	failed := fail(t, codes.Internal)
	if failed.Reason != "" || failed.Message != "what is wrong" || failed.Error() != "Internal: what is wrong" {
		t.Errorf("%+v", failed)
	}
}

func TestAReasonOfAnotherDomainIsNotOurs(t *testing.T) {
	if failed := fail(t, codes.Internal, &errdetails.ErrorInfo{Domain: "proxy", Reason: "FULL"}); failed.Reason != "" {
		t.Errorf("%+v", failed)
	}
}

func TestViolations(t *testing.T) {
	bad := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: "items[0].item_id", Description: "«ü 日本» is no id"}, {Field: "items[3].attributes.age", Description: "is no number"},
	}}
	if failed := fail(t, codes.InvalidArgument, bad); failed.Total != 2 || len(failed.Violations) != 2 ||
		failed.Violations[0] != (firstlight.Violation{Field: "items[0].item_id", Description: "«ü 日本» is no id"}) {
		t.Errorf("%+v", failed)
	}
	info := &errdetails.ErrorInfo{Domain: "firstlight", Reason: "INVALID_FIELD", Metadata: map[string]string{"violations": "700"}}
	if failed := fail(t, codes.InvalidArgument, info, bad); failed.Total != 700 || failed.Reason != "INVALID_FIELD" {
		t.Errorf("%+v", failed)
	}
}
