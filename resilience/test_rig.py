"""The rig is what it claims to be: its measures find what they are to find."""

import asyncio

import pytest
from server_fakes.rig import open_gates
from triphase_server.core.errors import UpstreamModelMissing
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.service.fleet import Fleet

from resilience import meter
from resilience.expectations import expectation
from resilience.faults import Case, Way, cases
from resilience.meter import Baseline, left
from resilience.recordings import NAMES, Place, Recording, Worth, worth
from resilience.replies import COMPLETED, Reply
from resilience.scale import FULL, SMALL, scale_of

WHOLE = Recording("vllm-0.32-stop-sequence")


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_recording_is_worth_its_truth_and_its_first_bytes_a_beginning_of_it(name: str) -> None:
    recording = Recording(name)
    found = [worth(recording.data[:end]) for end in range(0, len(recording.data) + 1, 23)]
    assert found[0] == Worth(place=Place.HEAD)
    assert [one.place for one in found] == sorted(one.place for one in found)
    assert all(recording.truth.startswith(one.told) for one in found)
    refusal = Worth(place=Place.OPEN, failure=UpstreamModelMissing)
    whole = Worth(place=Place.CONCLUDED, told=recording.truth)
    assert worth(recording.data) == (whole if recording.truth else refusal)


@pytest.mark.parametrize(("way", "longer"), [(Way.FLIP, 0), (Way.INSERT, 1), (Way.DELETE, -1)])
def test_a_garbled_recording_differs_in_one_byte(way: Way, longer: int) -> None:
    for case in cases(WHOLE, way, every=29):
        data, sent = WHOLE.data, case.sent
        assert len(sent) == len(data) + longer
        assert sent[: case.offset] == data[: case.offset]
        behind = len(data) - case.offset - (way is not Way.INSERT)
        assert sent[len(sent) - behind :] == data[len(data) - behind :]
        assert b"".join(case.blocks()) == sent


def test_every_offset_is_broken_at() -> None:
    assert [case.offset for case in cases(WHOLE, Way.STALL, every=1)] == list(range(len(WHOLE.data) + 1))
    assert {case.offset for case in cases(WHOLE, Way.FLIP, every=1)} > WHOLE.payload


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (Reply(outcome="UPSTREAM_TIMEOUT_REASONING", told="\ue00047+", attempts=1), 0),
        (Reply(outcome="UPSTREAM_TIMEOUT_REASONING", told="\ue00047", attempts=1), 1),
        (Reply(outcome="UPSTREAM_TIMEOUT_REASONING", told="\ue00047-", attempts=1), 2),
        (Reply(outcome="UPSTREAM_TRUNCATED", told="\ue00047+", attempts=1), 1),
        (Reply(outcome=COMPLETED, told="\ue00047+38", attempts=1), 2),
    ],
)
def test_a_wrong_reply_is_a_mistake(reply: Reply, found: int) -> None:
    assert WHOLE.truth == "\ue00047+38"
    case = next(case for case in cases(WHOLE, Way.STALL, every=1) if worth(case.sent).told == "\ue00047+")
    assert len(expectation(case).mistakes(reply)) == found


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for way in Way for case in cases(WHOLE, way, every=1)]
    assert len(set(names)) == len(names)
    assert Case(recording=WHOLE, way=Way.STALL, offset=7).name == "vllm-0.32-stop-sequence stalls at 7"


async def test_a_lease_that_nobody_ends_is_found() -> None:
    deployment = Deployment(name="d", upstream="u", model="m")
    route = Route(name="r", targets=(Target(deployment=deployment),))
    before = left()
    fleet = Fleet([deployment], gate_of=open_gates(), draw=lambda: 0.0)
    leases = [fleet.lease([route], affinity_key="") for _ in range(2)]
    found = left()
    assert (found.in_flight - before.in_flight, found.alive["Lease"] - before.alive["Lease"]) == (2, 2)
    assert not before.covers(found)
    for lease in leases:
        assert lease is not None
        lease.end(None)
    assert left().in_flight == before.in_flight
    assert not before.covers(left())
    del lease, leases
    assert before.covers(left())


async def test_a_task_that_nobody_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Baseline.now()
    task = asyncio.create_task(asyncio.Event().wait())
    with monkeypatch.context() as hasty:
        hasty.setattr(meter, "_GUARD_S", 0.05)
        with pytest.raises(AssertionError, match="left over"):
            await before.restored()
    task.cancel()
    await before.restored()


def test_all_of_it_is_run_where_that_is_asked_for() -> None:
    assert scale_of({}) is SMALL
    assert scale_of({"TRIPHASE_RESILIENCE": "full"}) is FULL
