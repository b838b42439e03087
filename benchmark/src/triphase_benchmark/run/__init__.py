"""One run: engines probed, the client calibrated, rounds run, what was measured closed and reported."""
