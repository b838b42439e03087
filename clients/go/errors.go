package triphase

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// Violation is one field of the request that breaks a rule: its path, such as messages[2].role, and what is wrong.
type Violation struct {
	Field       string
	Description string
}

// Rule names a rule of the protocol that a stream broke. The names are those of testdata/events.
type Rule string

// The rules that a stream is held to.
const (
	// StartedFirst is broken where event 0 is not started.
	StartedFirst Rule = "STARTED_FIRST"
	// SequenceWithoutGaps is broken where an event has another sequence than the one due.
	SequenceWithoutGaps Rule = "SEQUENCE_WITHOUT_GAPS"
	// CompletedLast is broken where anything comes after completed.
	CompletedLast Rule = "COMPLETED_LAST"
	// CompletedMissing is broken where the stream ends well by its status, and yet without completed.
	CompletedMissing Rule = "COMPLETED_MISSING"
)

// Error is a call that failed. [errors.Is] finds [context.Canceled] and [context.DeadlineExceeded] in it where its code
// says so, and [status.Code] the code.
type Error struct {
	// Message says what happened, for a person. It may be empty.
	Message string
	// Code is the gRPC status code.
	Code codes.Code
	// Reason is the gateway's word for it, such as CALLER_UNKNOWN_MODEL: its first part names who is at fault, CALLER,
	// POLICY, UPSTREAM or GATEWAY. Empty where gRPC itself failed.
	Reason string
	// Metadata has more facts by name, such as response_id, route and deployment.
	Metadata map[string]string
	// RetryAfter is after how long another try makes sense; nil = not said.
	RetryAfter *time.Duration
	// Violations are the fields of the request that are wrong.
	Violations []Violation
	// Midway tells that events had come before, so that the answer was begun.
	Midway bool
	// Rule is the rule of the protocol that the stream broke; its code is then DataLoss. Empty = none.
	Rule Rule

	status *status.Status
}

// Error returns the message, then the reason, or else the code.
func (e *Error) Error() string {
	word := e.Reason
	if word == "" {
		word = e.Code.String()
	}
	if e.Message == "" {
		return word
	}
	return fmt.Sprintf("%s (%s)", e.Message, word)
}

// Is tells whether the error is that of a context that ended.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == codes.Canceled
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	}
	return false
}

// GRPCStatus returns the status as gRPC has it, with its details.
func (e *Error) GRPCStatus() *status.Status {
	if e.status == nil {
		return status.New(e.Code, e.Message)
	}
	return e.status
}

func broken(rule Rule, format string, values ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, values...), Code: codes.DataLoss, Rule: rule}
}

func completedMissing() *Error {
	return broken(CompletedMissing, "the stream ended without `completed`")
}

// newError makes the error of a failed call. Details are read leniently: what is malformed or unknown is left out, the
// code and the message always stand.
func newError(failure error, midway bool) *Error {
	failed := status.Convert(failure)
	if ended := status.FromContextError(failure); ended.Code() != codes.Unknown {
		failed = ended // of a context that ended before the call began
	}
	made := &Error{Message: failed.Message(), Code: failed.Code(), Midway: midway, status: failed}
	for _, detail := range failed.Proto().GetDetails() {
		made.add(detail)
	}
	return made
}

func (e *Error) add(packed *anypb.Any) {
	detail, err := packed.UnmarshalNew()
	if err != nil {
		return
	}
	switch detail := detail.(type) {
	case *errdetails.ErrorInfo:
		e.Reason, e.Metadata = detail.GetReason(), detail.GetMetadata()
	case *errdetails.RetryInfo:
		if detail.GetRetryDelay() != nil {
			delay := detail.GetRetryDelay().AsDuration()
			e.RetryAfter = &delay
		}
	case *errdetails.BadRequest:
		for _, violation := range detail.GetFieldViolations() {
			e.Violations = append(e.Violations, Violation{violation.GetField(), violation.GetDescription()})
		}
	}
}
