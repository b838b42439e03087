package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "triphase.dev/clients/go/gatewayv1"
)

// The rules of a stream; their names are those of testdata/events.
const (
	StartedFirst        = "STARTED_FIRST"
	SequenceWithoutGaps = "SEQUENCE_WITHOUT_GAPS"
	CompletedLast       = "COMPLETED_LAST"
	CompletedMissing    = "COMPLETED_MISSING"
)

// Order holds the events of one stream to the rules of the protocol. Members that it does not know count as events.
type Order struct {
	next     int32
	complete bool
}

// Take checks the next event; its error is a DATA_LOSS status that begins with the name of the rule.
func (o *Order) Take(event *pb.StreamGenerateResponse) error {
	switch {
	case o.complete:
		return broken(CompletedLast, "event %d came after `completed`", event.GetSequence())
	case event.GetSequence() != o.next:
		return broken(SequenceWithoutGaps, "event %d came where %d was due", event.GetSequence(), o.next)
	case o.next == 0 && event.GetStarted() == nil:
		return broken(StartedFirst, "the stream did not begin with `started`")
	}
	o.next++
	o.complete = event.GetCompleted() != nil
	return nil
}

// End checks a stream that ended with status OK.
func (o *Order) End() error {
	if !o.complete {
		return broken(CompletedMissing, "the stream ended without `completed`")
	}
	return nil
}

func broken(rule, format string, args ...any) error {
	return status.Error(codes.DataLoss, rule+": "+fmt.Sprintf(format, args...))
}

// holdToRules makes an error of what breaks a rule, so that no door can pass a broken stream on as a whole one.
func holdToRules(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, conn, method, opts...)
	if err != nil || method != pb.GatewayService_StreamGenerate_FullMethodName {
		return stream, err
	}
	return &orderedStream{ClientStream: stream}, nil
}

type orderedStream struct {
	grpc.ClientStream
	order Order
}

func (s *orderedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if errors.Is(err, io.EOF) {
		if broken := s.order.End(); broken != nil {
			return broken
		}
		return err
	}
	if err != nil {
		return err
	}
	if event, ok := message.(*pb.StreamGenerateResponse); ok {
		return s.order.Take(event)
	}
	return nil
}
