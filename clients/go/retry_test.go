package triphase

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

const ms = time.Millisecond

func TestDelays(t *testing.T) {
	policy := RetryPolicy{Attempts: 6, FirstDelay: 100 * ms, LongestDelay: 500 * ms}
	for _, row := range []struct {
		tried int
		draw  float64
		delay time.Duration
		again bool
	}{
		{1, 0.5, 100 * ms, true}, {2, 0.5, 200 * ms, true}, {3, 0.5, 400 * ms, true}, {4, 0.5, 500 * ms, true},
		{5, 0.5, 500 * ms, true}, {1, 0, 80 * ms, true}, {1, 0.25, 90 * ms, true}, {6, 0.5, 0, false},
	} {
		delay, again := policy.delay(&Error{Code: codes.Unavailable}, row.tried, row.draw)
		if again != row.again || delay.Round(ms) != row.delay {
			t.Errorf("after %d calls: %s, %t; want %s, %t", row.tried, delay, again, row.delay, row.again)
		}
	}
}

func TestWhatTheGatewayAsksIsHeld(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		0: 100 * ms, -time.Second: 100 * ms, 700 * ms: 700 * ms, 2 * time.Second: 2 * time.Second, 3 * time.Second: 0,
	} {
		failed := &Error{Code: codes.Unavailable, RetryAfter: &asked}
		delay, again := DefaultRetry.delay(failed, 1, 0.5)
		if again != (want > 0) || (again && delay.Round(ms) != want) {
			t.Errorf("asked for %s: %s, %t", asked, delay, again)
		}
	}
}

func TestOnlyUnavailableBeforeTheFirstEventIsRepeated(t *testing.T) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if got := mayRepeat(&Error{Code: code}); got != (code == codes.Unavailable) {
			t.Errorf("%s: %t", code, got)
		}
	}
	if mayRepeat(&Error{Code: codes.Unavailable, Midway: true}) {
		t.Error("repeated midway")
	}
	for reason, want := range map[string]bool{"UPSTREAM_OVERLOADED": false, "GATEWAY_SHUTTING_DOWN": true} {
		if got := mayRepeat(&Error{Code: codes.Unavailable, Reason: reason}); got != want {
			t.Errorf("%s: %t", reason, got)
		}
	}
}

func TestNoRetry(t *testing.T) {
	if _, again := NoRetry.delay(&Error{Code: codes.Unavailable}, 1, 0.5); again {
		t.Error("repeated")
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	patient := RetryPolicy{Attempts: 2, FirstDelay: time.Hour, LongestDelay: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*ms, cancel)
	if patient.pause(ctx, &Error{Code: codes.Unavailable}, 1) {
		t.Error("went on after its context ended")
	}
	if patient.pause(soon(t), &Error{Code: codes.Unavailable}, 1) { // a minute is not enough: told at once
		t.Error("went on after a deadline")
	}
}
