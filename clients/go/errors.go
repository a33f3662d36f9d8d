package firstlight

import (
	"errors"
	"io"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Class is a kind of failure: errors.Is(err, firstlight.NotFound).
type Class codes.Code

// The classes. A failure with another code has none.
const (
	InvalidInput  = Class(codes.InvalidArgument)    // see Error.Violations
	NotFound      = Class(codes.NotFound)           // the named thing does not exist
	Conflict      = Class(codes.AlreadyExists)      // a request id was used before for another body
	Precondition  = Class(codes.FailedPrecondition) // such as no active bundle
	CorruptBundle = Class(codes.DataLoss)           // the bundle's files are damaged
	Unavailable   = Class(codes.Unavailable)        // the same call may succeed later
	Deadline      = Class(codes.DeadlineExceeded)   // no answer in time
)

func (c Class) Error() string { return codes.Code(c).String() }

// Error is a failed call.
type Error struct {
	Code       codes.Code
	Reason     string            // a firstlight.v1.ErrorReason without its prefix; empty where the server gave none
	Metadata   map[string]string // what the server says with the reason
	Message    string            // a line of English
	Violations []Violation       // the bad fields of an InvalidInput, at most 20
	Total      int               // how many bad fields there were
	cause      error
}

// Violation is one bad field: its path, such as "interactions[17].value", and what is wrong with it.
type Violation struct{ Field, Description string }

func (e *Error) Error() string        { return e.Code.String() + ": " + e.Message }
func (e *Error) Is(target error) bool { return target == Class(e.Code) }
func (e *Error) Unwrap() error        { return e.cause } // gRPC's own error, which status.Code reads

// failure turns gRPC's error into ours. The end of a stream is none.
func (c conn) failure(err error) error {
	var carrier interface{ GRPCStatus() *status.Status } // below what gRPC adds to the message after the last attempt
	if err == nil || err == io.EOF || !errors.As(err, &carrier) {
		return err
	}
	answer := carrier.GRPCStatus()
	failed := &Error{Code: answer.Code(), Message: answer.Message(), cause: err}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == "firstlight" {
				failed.Reason, failed.Metadata = detail.Reason, detail.Metadata
			}
		case *errdetails.BadRequest:
			for _, v := range detail.FieldViolations {
				failed.Violations = append(failed.Violations, Violation{v.Field, v.Description})
			}
		}
	}
	failed.Total = len(failed.Violations)
	if total, err := strconv.Atoi(failed.Metadata["violations"]); err == nil {
		failed.Total = total
	}
	if failed.Reason == "" && (failed.Code == codes.Unavailable || failed.Code == codes.DeadlineExceeded) {
		failed.Message = "no answer from " + c.address + ": " + failed.Message
	}
	return failed
}
