package triphase

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// RetryPolicy bounds how calls that found no gateway are made again. The gateway retries engines by itself, so nothing
// is repeated once started has come, nor what an engine is to blame for.
type RetryPolicy struct {
	// Attempts is the number of calls in all; 1 = no retry.
	Attempts int
	// FirstDelay is the first pause; each is twice the one before, and moved by up to 20 % so that clients do not come
	// back in step.
	FirstDelay time.Duration
	// LongestDelay bounds a pause. A gateway that asks for longer is believed: the caller learns of it at once.
	LongestDelay time.Duration
}

// DefaultRetry is what a client does where nothing else is said.
var DefaultRetry = RetryPolicy{Attempts: 3, FirstDelay: 100 * time.Millisecond, LongestDelay: 2 * time.Second}

// NoRetry makes every call once.
var NoRetry = RetryPolicy{Attempts: 1}

// delay says how long to wait after so many calls, and whether another may be made. The draw is uniform in [0, 1).
func (p RetryPolicy) delay(failed *Error, tried int, draw float64) (time.Duration, bool) {
	if tried >= p.Attempts || !mayRepeat(failed) {
		return 0, false
	}
	backoff := p.FirstDelay
	for range tried - 1 {
		backoff = min(2*backoff, p.LongestDelay)
	}
	pause := time.Duration(float64(min(backoff, p.LongestDelay)) * (0.8 + 0.4*draw))
	if failed.RetryAfter == nil {
		return pause, true
	}
	return max(pause, *failed.RetryAfter), *failed.RetryAfter <= p.LongestDelay
}

// mayRepeat tells whether the same call may succeed without having been begun before.
func mayRepeat(failed *Error) bool {
	return failed.Code == codes.Unavailable && !failed.Midway && !strings.HasPrefix(failed.Reason, "UPSTREAM_")
}

// pause waits before the next call, or tells that there is to be none: by the policy, or since the context ends before.
func (p RetryPolicy) pause(ctx context.Context, failed *Error, tried int) bool {
	delay, again := p.delay(failed, tried, rand.Float64())
	if deadline, bounded := ctx.Deadline(); !again || (bounded && time.Until(deadline) <= delay) {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
