"""`python -m triphase_benchmark.client.measure`: events per second and core, with p99 of the lag at most 10 ms.

Its rule: one worker on one core, the null engine on another where there is one, the same streams at growing rates; the
figure is what arrived at the highest rate that was held, never the rate that was offered. What else the machine does
counts against the client: the target is one for a quiet core.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from triphase_benchmark.client.calibration import Calibration, ClientLoad, ceiling, climb, null_target
from triphase_benchmark.client.null_engine import NullEngine

TARGET = 12_000

_RATES = (2_000, 4_000, 8_000, 12_000, 16_000, 20_000, 24_000, 32_000, 40_000, 60_000, 80_000)
_STREAMS = 200


def measure(rates: Sequence[int] = _RATES, *, streams: int = _STREAMS, in_step: bool = False) -> list[Calibration]:
    """Returns what was found at each rate, up to the first that was too much, and with it."""
    loads = [ClientLoad(streams=streams, events_per_s=rate / streams, in_step=in_step) for rate in rates]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with NullEngine() as null:
        if len(cores) < 2:
            return climb(loads, workers=1, engine=null_target(null))
        os.sched_setaffinity(null.pid, {cores[0]})
        os.sched_setaffinity(0, {cores[1]})  # which the worker inherits
        try:
            return climb(loads, workers=1, engine=null_target(null))
        finally:
            os.sched_setaffinity(0, set(cores))


def main() -> int:
    """Prints a line for each rate; exits with 1 where the target is missed."""
    parser = argparse.ArgumentParser(description="Events per second and core of the client.")
    parser.add_argument("--in-step", action="store_true", help="all streams send at the same moments")
    parser.add_argument("--streams", type=int, default=_STREAMS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(streams=options.streams, in_step=options.in_step)
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            print(
                f"{one.load.offered:7.0f} offered {one.achieved:7.0f} events/s  lag p50 {one.lag_p50 * 1e3:7.2f} ms"
                f"  p99 {one.lag_p99 * 1e3:7.2f} ms  max {one.lag_max * 1e3:7.2f} ms  CPU {one.cpu_share:4.0%}"
                f"  {one.cpu_share / one.achieved * 1e6 if one.achieved else 0:5.1f} µs/event"
            )
        print(f"{ceiling(found):.0f} events/s at p99 of the lag <= 10 ms; the target is {TARGET}")
    return 0 if ceiling(found) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
