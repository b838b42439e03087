package triphase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

func packed(t *testing.T, detail proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(detail)
	check(t, err)
	return packed
}

func rich(code codes.Code, message string, details ...*anypb.Any) error {
	return status.FromProto(&spb.Status{Code: int32(code), Message: message, Details: details}).Err()
}

// errorOf is what a caller gets for a status that a gateway sends.
func errorOf(t *testing.T, sent error) *Error {
	t.Helper()
	fake := newFakeGateway(t)
	fake.refusals = []error{sent}
	_, err := fake.client(t, WithRetry(NoRetry)).Generate(soon(t), Ask("reference", "?"))
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	return failed
}

func info(t *testing.T) *anypb.Any {
	t.Helper()
	return packed(t, &errdetails.ErrorInfo{
		Reason: "CALLER_INVALID_REQUEST", Domain: "triphase", Metadata: map[string]string{"response_id": "r1"},
	})
}

func TestEveryDetail(t *testing.T) {
	violations := []*errdetails.BadRequest_FieldViolation{
		{Field: "messages[0].role", Description: "is required"},
		{Field: "sampling.top_p", Description: "must be at most 1"},
	}
	failed := errorOf(t, rich(codes.InvalidArgument, "bad", info(t),
		packed(t, &errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)}),
		packed(t, &errdetails.Help{}),
		packed(t, &errdetails.BadRequest{FieldViolations: violations}),
	))
	if failed.Code != codes.InvalidArgument || failed.Message != "bad" || failed.Reason != "CALLER_INVALID_REQUEST" {
		t.Errorf("got %+v", failed)
	}
	if !maps.Equal(failed.Metadata, map[string]string{"response_id": "r1"}) {
		t.Errorf("metadata %v", failed.Metadata)
	}
	if failed.RetryAfter == nil || *failed.RetryAfter != 2500*time.Millisecond {
		t.Errorf("retry after %v", failed.RetryAfter)
	}
	want := []Violation{{"messages[0].role", "is required"}, {"sampling.top_p", "must be at most 1"}}
	if !slices.Equal(failed.Violations, want) {
		t.Errorf("violations %v", failed.Violations)
	}
	if failed.Error() != "bad (CALLER_INVALID_REQUEST)" {
		t.Errorf("says %q", failed)
	}
	if wrapped := fmt.Errorf("asking: %w", failed); status.Code(wrapped) != codes.InvalidArgument {
		t.Errorf("gRPC reads the code %s", status.Code(wrapped))
	}
	if len(failed.GRPCStatus().Details()) != 4 {
		t.Errorf("gRPC reads the details %v", failed.GRPCStatus().Details())
	}
}

func TestNoDetails(t *testing.T) {
	failed := errorOf(t, status.Error(codes.NotFound, "no such model"))
	if failed.Error() != "no such model (NotFound)" || failed.Reason != "" || failed.Metadata != nil ||
		failed.RetryAfter != nil || failed.Violations != nil || failed.Midway || failed.Rule != "" {
		t.Errorf("got %+v", failed)
	}
}

func TestNoMessage(t *testing.T) {
	if failed := errorOf(t, status.Error(codes.PermissionDenied, "")); failed.Error() != "PermissionDenied" {
		t.Errorf("says %q", failed)
	}
}

func TestABrokenDetailLeavesTheOthers(t *testing.T) {
	for _, broken := range []*anypb.Any{
		{TypeUrl: "type.googleapis.com/google.rpc.BadRequest", Value: []byte{0xff}},
		{TypeUrl: "type.googleapis.com/of.a.LaterVersion", Value: []byte{1}},
		{},
	} {
		failed := errorOf(t, rich(codes.InvalidArgument, "bad", broken, info(t)))
		if failed.Reason != "CALLER_INVALID_REQUEST" || failed.Violations != nil {
			t.Errorf("%v: got %+v", broken, failed)
		}
	}
}

func TestAWaitOfNothingIsNotUnsaid(t *testing.T) {
	failed := errorOf(t, rich(codes.ResourceExhausted, "full",
		packed(t, &errdetails.RetryInfo{RetryDelay: &durationpb.Duration{}})))
	if failed.RetryAfter == nil || *failed.RetryAfter != 0 {
		t.Errorf("retry after %v", failed.RetryAfter)
	}
	if failed := errorOf(t, rich(codes.Aborted, "", packed(t, &errdetails.RetryInfo{}))); failed.RetryAfter != nil {
		t.Errorf("retry after %v", failed.RetryAfter)
	}
}

func TestErrorsOfContexts(t *testing.T) {
	for code, want := range map[codes.Code]error{
		codes.Canceled: context.Canceled, codes.DeadlineExceeded: context.DeadlineExceeded,
	} {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			if got := errors.Is(&Error{Code: code}, cause); got != (cause == want) {
				t.Errorf("%s is %v: %t", code, cause, got)
			}
		}
	}
	if failed := newError(context.DeadlineExceeded, false); failed.Code != codes.DeadlineExceeded {
		t.Errorf("got %v", failed)
	}
}

// table is testdata/errors.json.
type table struct {
	Domain string `json:"domain"`
	Errors []struct {
		Error  string     `json:"error"`
		Code   codes.Code `json:"code"`
		Reason string     `json:"reason"`
	} `json:"errors"`
}

func errorTable(t *testing.T) table {
	t.Helper()
	content, err := os.ReadFile(testdata("errors.json"))
	check(t, err)
	var read table
	check(t, json.Unmarshal(content, &read))
	if len(read.Errors) == 0 {
		t.Fatal("testdata/errors.json has no errors")
	}
	return read
}

func TestEveryErrorOfTheGateway(t *testing.T) {
	errors := errorTable(t)
	for _, row := range errors.Errors {
		t.Run(row.Error, func(t *testing.T) {
			detail := packed(t, &errdetails.ErrorInfo{Reason: row.Reason, Domain: errors.Domain})
			if failed := errorOf(t, rich(row.Code, "it failed", detail)); failed.Code != row.Code ||
				failed.Reason != row.Reason || failed.Error() != "it failed ("+row.Reason+")" {
				t.Errorf("got %+v", failed)
			}
		})
	}
}

func TestOnlyAGatewayThatStopsIsAskedAgain(t *testing.T) {
	var repeated []string
	for _, row := range errorTable(t).Errors {
		if mayRepeat(&Error{Code: row.Code, Reason: row.Reason}) {
			repeated = append(repeated, row.Reason)
		}
	}
	if strings.Join(repeated, " ") != "GATEWAY_SHUTTING_DOWN" {
		t.Errorf("got %v", repeated)
	}
}
