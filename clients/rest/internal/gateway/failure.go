package gateway

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// InvalidRequest is the reason of requests that break a rule; the doors give it for those that they refuse themselves.
const InvalidRequest = "CALLER_INVALID_REQUEST"

const domain = "triphase"

// Violation is one field of a request that breaks a rule.
type Violation struct{ Field, Description string }

// Failure is the error of a call, as the doors tell it.
type Failure struct {
	Status     *spb.Status
	Code       codes.Code
	Message    string
	Reason     string        // empty where gRPC itself failed
	RetryAfter time.Duration // 0 where nothing was said
	Violations []Violation
}

// FailureOf reads any error of a call. Details that it does not know stay in Status.
func FailureOf(err error) Failure {
	given := status.Convert(err)
	failure := Failure{Status: given.Proto(), Code: given.Code(), Message: given.Message()}
	for _, detail := range given.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failure.Reason = detail.GetReason()
		case *errdetails.RetryInfo:
			failure.RetryAfter = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				failure.Violations = append(failure.Violations, Violation{violation.GetField(), violation.GetDescription()})
			}
		}
	}
	if failure.Code == codes.Unavailable && failure.Reason == "" {
		// gRPC's own words name addresses of the operator's network.
		failure.Message = "the gateway cannot be reached"
		failure.Status = &spb.Status{Code: int32(codes.Unavailable), Message: failure.Message}
	}
	return failure
}

// Refuse is the failure of a request that a door itself refuses.
func Refuse(code codes.Code, message string) Failure {
	refusal := status.New(code, message)
	if code == codes.InvalidArgument {
		// It fails only for a status OK or details that cannot be written.
		refusal, _ = refusal.WithDetails(&errdetails.ErrorInfo{Reason: InvalidRequest, Domain: domain})
	}
	return FailureOf(refusal.Err())
}

// HTTPStatus is the status of a response that has not begun.
func (f Failure) HTTPStatus() int { return runtime.HTTPStatusFromCode(f.Code) }

// SetRetryAfter tells when another try makes sense, in whole seconds, at least one.
func (f Failure) SetRetryAfter(header http.Header) {
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
}

// Err is the failure as the error of a call.
func (f Failure) Err() error { return status.FromProto(f.Status).Err() }
