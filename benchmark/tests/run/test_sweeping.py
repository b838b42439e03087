"""When a load saturates an engine: by the requests of a table, whose times are made here."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.plan.loads import ClosedLoad, ConstantLoad, Duration, PoissonLoad, Requests
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.run.sweeping import LoadSeen, amounts, is_saturated, load_of_kind, middle_of, seen_in

# Ten seconds of requests that take a second each.
KEPT = LoadSeen(failed=0.0, latency_s=1.0, rate=10.0, span_s=10.0, done_s=11.0)


def requests(ends: Sequence[float | None], *, round_: int = 0, engine: str = "a", warm_up: int = 0) -> pa.Table:
    """One request due each second, sent 0.25 s later and ended at a time of `ends`; `None`: it failed."""
    known: dict[str, Any] = {field.name: 0 for field in REQUESTS if not field.nullable}
    known |= {"round": round_, "engine": engine, "host": "h", "prompt": "p", "chunk_times": [], "chunk_output": []}
    rows = [
        known
        | {
            "request": number,
            "warm_up": number < warm_up,
            "scheduled": number * 1_000_000_000,
            "sent": number * 1_000_000_000 + 250_000_000,
            "ended": None if end is None else int(end * 1e9),
            "error": "reset" if end is None else None,
        }
        for number, end in enumerate(ends)
    ]
    return pa.Table.from_pylist(rows, REQUESTS)


def test_what_an_engine_did_in_a_round() -> None:
    others = [requests([9.0], round_=1), requests([9.0], engine="b")]
    table = pa.concat_tables([requests([0.5, 2.25, None, 4.25, 6.0], warm_up=1), *others])
    # Due from 1 s to 4 s, the last answer at 6 s; latencies of 1, 1 and 1.75 s.
    assert seen_in(table, 0, "a") == LoadSeen(failed=0.25, latency_s=1.0, rate=3 / 5, span_s=3.0, done_s=5.0)


def test_a_round_without_an_answer_failed_whole() -> None:
    nothing = seen_in(requests([None, None]), 0, "a")
    assert (nothing.failed, nothing.rate, nothing.done_s) == (1.0, 0.0, inf)
    assert middle_of([KEPT, nothing]) is nothing
    assert middle_of([nothing, KEPT, KEPT]) is KEPT


def test_the_middle_round_is_the_one_that_went_on_neither_longest_nor_shortest() -> None:
    legs = [replace(KEPT, done_s=done_s) for done_s in (14.0, 11.0, 12.0)]
    assert middle_of(legs).done_s == 12.0
    assert middle_of(legs[:2]).done_s == 14.0


@pytest.mark.parametrize("kind", ["poisson", "constant", "closed"])
def test_more_than_one_failure_in_twenty_saturates(kind: str) -> None:
    assert not is_saturated(kind, 8, replace(KEPT, failed=0.05), {})
    assert is_saturated(kind, 8, replace(KEPT, failed=0.06), {})


@pytest.mark.parametrize(("done_s", "saturated"), [(11.0, False), (12.1, False), (12.2, True), (30.0, True)])
def test_an_open_load_saturates_where_less_than_nine_tenths_of_its_rate_are_kept(
    done_s: float, *, saturated: bool
) -> None:
    assert is_saturated("poisson", 8, replace(KEPT, done_s=done_s), {}) is saturated


def test_of_an_open_load_the_time_of_a_lone_answer_does_not_count_as_delay() -> None:
    slow = replace(KEPT, latency_s=6.0, done_s=16.0)
    assert not is_saturated("poisson", 8, slow, {})  # it may be as slow when nothing else runs
    assert is_saturated("poisson", 8, slow, {2: KEPT, 4: replace(KEPT, latency_s=3.0)})  # and it is not
    assert not is_saturated("poisson", 8, slow, {2: replace(slow, failed=1.0, rate=0.0, latency_s=inf)})


@pytest.mark.parametrize(("rate", "saturated"), [(20.0, False), (11.1, False), (10.9, True), (9.0, True)])
def test_a_closed_load_saturates_where_more_places_bring_less_than_a_tenth_of_their_share(
    rate: float, *, saturated: bool
) -> None:
    assert is_saturated("closed", 8, replace(KEPT, rate=rate), {2: replace(KEPT, rate=1.0), 4: KEPT}) is saturated


def test_a_closed_load_is_held_against_nothing_that_had_no_answers() -> None:
    nothing = replace(KEPT, failed=1.0, rate=0.0)
    assert not is_saturated("closed", 4, KEPT, {})
    assert not is_saturated("closed", 4, KEPT, {2: nothing})


def test_the_loads_of_a_sweep() -> None:
    assert [load_of_kind(kind, 4.0) for kind in ("closed", "constant", "poisson")] == [
        ClosedLoad(concurrency=4), ConstantLoad(rate=4.0), PoissonLoad(rate=4.0),
    ]  # fmt: skip
    assert amounts("closed", 4, 9.0) == {"measured": Requests(count=24), "warm_up": Requests(count=4)}
    assert amounts("closed", 16, 9.0)["measured"] == Requests(count=64)
    assert amounts("poisson", 16, 5.0) == {
        "measured": Duration(ns=5_000_000_000), "warm_up": Duration(ns=1_000_000_000),
    }  # fmt: skip
