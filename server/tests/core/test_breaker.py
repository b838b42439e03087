"""The circuit breaker: its rules by vectors, what is seen of it, and what a policy may not be."""

import pickle
from typing import Any

import pytest
from triphase_server.core.breaker import BreakerPolicy, CircuitBreaker, CircuitView, Outcome, Permit, Refused
from triphase_server.core.transitions import MOST_KEPT, TRANSITIONS, CircuitState, Reason, Transition

VECTORS = "breaker/circuit"

_OUTCOMES = {"s": Outcome.SUCCESS, "f": Outcome.FAILURE, "i": Outcome.IGNORED}


class Player:
    """Plays the steps of one vector against a circuit."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self.circuit = CircuitBreaker(policy)
        self.permits: dict[str, Permit] = {}

    def play(self, step: dict[str, Any]) -> None:
        getattr(self, f"_{step['do']}")(step, step["at"])
        view = self.circuit.snapshot(now=step["at"])
        assert view.state is self.circuit.peek(now=step["at"])
        for key in ("state", "retry_at"):
            if key in step:
                assert getattr(view, key) == step[key], step

    def _acquire(self, step: dict[str, Any], now: float) -> None:
        given = self.circuit.acquire(now=now)
        if isinstance(given, Refused):
            assert step["gives"] == "refused", step
            assert given == Refused(state=self.circuit.peek(now=now), retry_at=step.get("retry_at", given.retry_at))
        else:
            assert step["gives"] == ("probe" if given.probe else "permit"), step
            self.permits[step["as"]] = given

    def _record(self, step: dict[str, Any], now: float) -> None:
        self.circuit.record(
            self.permits.pop(step["of"]),
            Outcome(step["outcome"]),
            now=now,
            draw=step.get("draw", 0.0),
            retry_after_s=step.get("retry_after_s"),
        )

    def _calls(self, step: dict[str, Any], now: float) -> None:
        for outcome in step["outcomes"]:
            permit = self.circuit.acquire(now=now)
            assert isinstance(permit, Permit), step
            self.circuit.record(permit, _OUTCOMES[outcome], now=now, draw=0.0)

    def _isolate(self, _: dict[str, Any], now: float) -> None:
        self.circuit.isolate(now=now)

    def _restore(self, _: dict[str, Any], now: float) -> None:
        self.circuit.restore(now=now)

    def _look(self, step: dict[str, Any], now: float) -> None:
        assert {"state", "retry_at"} <= step.keys(), "a look that looks at nothing"
        given = self.circuit.available(now=now)
        assert given is (step["retry_at"] is None and step["state"] != "isolated")


def test_vectors(vector: dict[str, Any]) -> None:
    player = Player(BreakerPolicy(**vector.get("policy", {})))
    for step in vector["steps"]:
        player.play(step)
    assert [transition.reason for transition in player.circuit.drain_transitions()] == vector["reasons"]


def test_the_vectors_reach_every_row_of_the_table(vectors: list[dict[str, Any]]) -> None:
    reached = set()
    for vector in vectors:
        player = Player(BreakerPolicy(**vector.get("policy", {})))
        for step in vector["steps"]:
            player.play(step)
        reached |= {(t.source, t.reason) for t in player.circuit.drain_transitions()}
    assert reached == set(TRANSITIONS)


def fail_once(circuit: CircuitBreaker, *, now: float) -> None:
    permit = circuit.acquire(now=now)
    assert isinstance(permit, Permit)
    circuit.record(permit, Outcome.FAILURE, now=now, draw=0.0)


def test_a_new_circuit_is_closed() -> None:
    circuit = CircuitBreaker(BreakerPolicy())
    assert circuit.retry_at is None
    assert circuit.drain_transitions() == []
    assert circuit.snapshot(now=0.0) == CircuitView(
        state=CircuitState.CLOSED,
        calls=0,
        failures=0,
        slow_calls=0,
        failure_rate=0.0,
        consecutive_failures=0,
        retry_at=None,
        since=None,
        reason=None,
        transitions_total=dict.fromkeys(CircuitState, 0),
    )


def test_a_view_shows_counts_and_the_last_transition() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=2, slow_call_s=3.0))
    for acquired_at, outcome in [(0.0, Outcome.SUCCESS), (3.0, Outcome.SUCCESS), (3.0, Outcome.FAILURE)]:
        permit = circuit.acquire(now=acquired_at)
        assert isinstance(permit, Permit)
        circuit.record(permit, outcome, now=3.0, draw=0.0)
    view = circuit.snapshot(now=3.0)
    assert (view.calls, view.failures, view.slow_calls, view.consecutive_failures) == (3, 1, 1, 1)
    assert view.failure_rate == 1 / 3
    fail_once(circuit, now=4.0)
    view = circuit.snapshot(now=5.0)
    assert (view.state, view.retry_at) == (CircuitState.OPEN, 9.0)
    assert (view.since, view.reason) == (4.0, Reason.CONSECUTIVE_FAILURES)
    assert circuit.snapshot(now=9.0).state is CircuitState.HALF_OPEN
    assert circuit.snapshot(now=9.0).retry_at is None
    assert circuit.retry_at == 9.0


def test_a_view_does_not_change_afterwards() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=1))
    before = circuit.snapshot(now=0.0)
    fail_once(circuit, now=0.0)
    assert before.transitions_total[CircuitState.OPEN] == 0
    assert circuit.snapshot(now=0.0).transitions_total[CircuitState.OPEN] == 1


def test_looking_is_no_transition() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=1))
    fail_once(circuit, now=0.0)
    circuit.drain_transitions()
    assert circuit.peek(now=5.0) is CircuitState.HALF_OPEN
    assert circuit.available(now=5.0)
    assert circuit.drain_transitions() == []
    assert circuit.peek(now=4.9) is CircuitState.OPEN
    assert not circuit.available(now=4.9)


def test_transitions_are_drained_once() -> None:
    circuit = CircuitBreaker(BreakerPolicy())
    circuit.isolate(now=1.0)
    circuit.restore(now=2.0)
    assert circuit.drain_transitions() == [
        Transition(source=CircuitState.CLOSED, target=CircuitState.ISOLATED, at=1.0, reason=Reason.ISOLATED),
        Transition(source=CircuitState.ISOLATED, target=CircuitState.CLOSED, at=2.0, reason=Reason.RESTORED),
    ]
    assert circuit.drain_transitions() == []


def test_transitions_that_nobody_drains_are_bounded_and_still_counted() -> None:
    circuit = CircuitBreaker(BreakerPolicy())
    for second in range(1000):
        circuit.isolate(now=second)
        circuit.restore(now=second + 0.5)
    drained = circuit.drain_transitions()
    assert [transition.at for transition in drained][-2:] == [999.0, 999.5]
    assert len(drained) == MOST_KEPT
    totals = circuit.snapshot(now=1e4).transitions_total
    assert totals == {**dict.fromkeys(CircuitState, 0), CircuitState.ISOLATED: 1000, CircuitState.CLOSED: 1000}


def test_memory_is_bounded() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=2, slow_call_s=1.0))
    most = 0
    for call in range(20_000):
        now = call * 0.7
        if isinstance(permit := circuit.acquire(now=now), Permit):
            outcome = (Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED)[call % 4]
            circuit.record(permit, outcome, now=now + call % 3, draw=0.5, retry_after_s=call % 7)
        if call % 1_000 == 999:
            most = max(most, len(pickle.dumps(circuit)))
    assert most < 6_000


def test_a_step_back_of_time_is_harmless() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=1, slow_call_s=1.0, minimum_calls=1))
    permit = circuit.acquire(now=100.0)
    assert isinstance(permit, Permit)
    circuit.record(permit, Outcome.SUCCESS, now=99.9, draw=0.0)
    assert circuit.snapshot(now=99.8).slow_calls == 0
    fail_once(circuit, now=99.9)
    probe = circuit.acquire(now=104.9)
    assert isinstance(probe, Permit)
    assert isinstance(circuit.acquire(now=104.8), Refused)
    circuit.record(probe, Outcome.SUCCESS, now=104.8, draw=0.0)
    assert circuit.peek(now=104.7) is CircuitState.CLOSED


def test_a_retry_after_that_is_no_number_is_none() -> None:
    circuit = CircuitBreaker(BreakerPolicy())
    for said in (float("nan"), None, -0.0):
        permit = circuit.acquire(now=0.0)
        assert isinstance(permit, Permit)
        circuit.record(permit, Outcome.IGNORED, now=0.0, draw=0.0, retry_after_s=said)
    assert circuit.peek(now=0.0) is CircuitState.CLOSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_s": 0.0},
        {"open_s": -1.0},
        {"probe_s": 0.0},
        {"open_s": 10.0, "open_max_s": 9.0},
        {"open_max_s": float("nan")},
        {"jitter": 1.0},
        {"jitter": -0.1},
        {"jitter": float("nan")},
        {"failure_rate": 0.0},
        {"failure_rate": 1.1},
        {"slow_call_rate": 0.0},
        {"slow_call_rate": 2.0},
    ],
    ids=str,
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]


def test_another_policy_holds_from_the_next_failure_on_and_forgets_nothing() -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=5))
    for _ in range(3):
        fail_once(circuit, now=1.0)
    circuit.adopt(BreakerPolicy(consecutive_failures=4, open_s=20.0, jitter=0.0))
    assert circuit.snapshot(now=1.0).failures == 3
    fail_once(circuit, now=2.0)
    assert circuit.snapshot(now=2.0).retry_at == 22.0


def test_a_window_of_another_length_begins_empty() -> None:
    circuit = CircuitBreaker(BreakerPolicy(window_s=30.0))
    fail_once(circuit, now=1.0)
    circuit.adopt(BreakerPolicy(window_s=60.0))
    view = circuit.snapshot(now=1.0)
    assert (view.calls, view.consecutive_failures) == (0, 1)


@pytest.mark.parametrize(("open_s", "open_max_s", "next_s"), [(1.0, 120.0, 10.0), (30.0, 120.0, 60.0), (1.0, 3.0, 3.0)])
def test_an_open_circuit_waits_as_before_and_then_by_the_other_policy(
    open_s: float, open_max_s: float, next_s: float
) -> None:
    circuit = CircuitBreaker(BreakerPolicy(consecutive_failures=1, open_s=5.0, jitter=0.0))
    fail_once(circuit, now=0.0)
    circuit.adopt(BreakerPolicy(consecutive_failures=1, open_s=open_s, open_max_s=open_max_s, jitter=0.0))
    assert circuit.retry_at == 5.0
    fail_once(circuit, now=5.0)
    assert circuit.retry_at == 5.0 + next_s


def test_another_policy_restores_nothing() -> None:
    circuit = CircuitBreaker(BreakerPolicy())
    circuit.isolate(now=0.0)
    circuit.adopt(BreakerPolicy(open_s=1.0))
    assert circuit.peek(now=1e6) is CircuitState.ISOLATED
