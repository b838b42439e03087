"""Gates: never more than the limit, first come first in, and every place given back, whoever leaves when and where."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from server_fakes.clock import FakeClockLoop, now, on_fake_clock
from triphase_server.core.concurrency import LoadOutcome
from triphase_server.core.limits import Adaptive, Concurrency
from triphase_server.service.gate import Gate, Turn


def gate(most: int, *, queue: int = 10, name: str = "u") -> Gate:
    return Gate(name, Concurrency(max_concurrency=most, max_queue=queue))


@on_fake_clock
async def test_who_waited_longest_is_let_in_first_and_before_anyone_who_comes_later() -> None:
    full = gate(1)
    assert full.enter()
    first, second = Turn([full]), Turn([full])
    full.leave()
    assert (first.gate, second.gate) == (full, None)
    assert not full.enter()
    assert first.take() is full
    full.leave()
    assert second.gate is full


@on_fake_clock
async def test_a_place_that_is_free_while_others_wait_is_not_for_newcomers() -> None:
    full = gate(1)
    full.enter()
    waiting = Turn([full])
    full.adopt(Concurrency(max_concurrency=1, max_queue=5))
    assert not full.room
    waiting.give_up()
    full.leave()
    assert full.room


@on_fake_clock
async def test_one_who_waits_before_several_gates_leaves_all_lines_when_one_lets_it_in() -> None:
    left, right = gate(1, name="left"), gate(1, name="right")
    assert left.enter()
    assert right.enter()
    turn, behind = Turn([left, right]), Turn([left])
    right.leave()
    assert turn.gate is right
    left.leave()
    assert behind.gate is left
    assert (left.view().waiting, right.view().waiting) == (0, 0)


@on_fake_clock
async def test_one_who_goes_away_just_when_its_turn_has_come_gives_its_place_to_the_next() -> None:
    full = gate(1)
    full.enter()
    gone, next_one = Turn([full]), Turn([full])
    full.leave()
    gone.give_up()
    gone.give_up()
    assert next_one.gate is full
    assert full.view().in_flight == 1


@on_fake_clock
async def test_a_wait_ends_with_the_turn_and_may_be_broken_off_and_begun_again() -> None:
    full = gate(1)
    full.enter()
    turn = Turn([full])
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(turn.wait(), 1)
    asyncio.get_running_loop().call_later(3, full.leave)
    await turn.wait()
    assert now() == 5


@on_fake_clock
async def test_a_line_has_a_bound() -> None:
    full = gate(1, queue=1)
    full.enter()
    assert not full.full
    Turn([full])
    assert full.full


@on_fake_clock
async def test_without_a_limit_everyone_is_let_in_and_counted() -> None:
    unlimited = Gate("u", Concurrency())
    assert all(unlimited.enter() for _ in range(1000))
    assert (unlimited.view().limit, unlimited.view().in_flight) == (None, 1000)
    unlimited.leave()
    assert unlimited.view().in_flight == 999


@on_fake_clock
async def test_other_limits_let_in_who_waits_and_end_nobody() -> None:
    changing = gate(1)
    changing.enter()
    turns = [Turn([changing]) for _ in range(3)]
    changing.adopt(Concurrency(max_concurrency=3))
    assert [turn.gate is changing for turn in turns] == [True, True, False]
    changing.adopt(Concurrency(max_concurrency=1))
    assert changing.view().in_flight == 3
    changing.adopt(Concurrency())
    assert turns[2].gate is changing
    assert (changing.view().in_flight, changing.view().limit) == (4, None)
    changing.adopt(Concurrency(max_concurrency=2))
    for _ in range(4):
        changing.leave()
    assert changing.view().in_flight == 0


@on_fake_clock
async def test_an_adaptive_limit_learns_from_who_leaves() -> None:
    adaptive = Gate("u", Concurrency(max_concurrency=20, adaptive=Adaptive.AIMD, min_concurrency=2))
    assert adaptive.view().limit == 11
    adaptive.enter()
    adaptive.leave(LoadOutcome.OVERLOADED)
    assert adaptive.view().limit == 7


class Gates(RuleBasedStateMachine):
    """Two gates, with requests that enter, wait before one or both, go away, take their place, and leave."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = FakeClockLoop()
        self.gates = [gate(2, name="a"), gate(1, name="b")]
        self.inside: list[Gate] = []
        self.turns: list[Turn] = []

    def teardown(self) -> None:
        self.loop.close()

    def run(self, step: Callable[[], None]) -> None:
        async def stepping() -> None:
            step()

        self.loop.run_until_complete(stepping())

    @rule(which=st.integers(0, 1))
    def enter(self, which: int) -> None:
        chosen = self.gates[which]
        room = chosen.view().in_flight < (chosen.view().limit or 0) and not chosen.view().waiting
        assert chosen.enter() is room
        if room:
            self.inside.append(chosen)

    @rule(both=st.booleans(), which=st.integers(0, 1))
    def wait(self, both: bool, which: int) -> None:
        wanted = self.gates if both else [self.gates[which]]
        if not any(chosen.room for chosen in wanted):
            self.run(lambda: self.turns.append(Turn(wanted)))

    @precondition(lambda self: self.inside)
    @rule(at=st.integers(0, 99))
    def leave(self, at: int) -> None:
        chosen = self.inside.pop(at % len(self.inside))
        waiting = [turn for turn in self.turns if turn.gate is None and chosen in turn.gates]
        has_room = chosen.view().in_flight - 1 < (chosen.view().limit or 0)
        self.run(chosen.leave)
        if waiting:
            assert (waiting[0].gate is chosen) is has_room  # the one that waited longest

    @precondition(lambda self: self.turns)
    @rule(at=st.integers(0, 99))
    def give_up(self, at: int) -> None:
        self.run(self.turns.pop(at % len(self.turns)).give_up)

    @precondition(lambda self: any(turn.gate for turn in self.turns))
    @rule()
    def take(self) -> None:
        turn = next(turn for turn in self.turns if turn.gate)
        self.turns.remove(turn)
        self.inside.append(turn.take())

    @rule(most=st.integers(1, 3), which=st.integers(0, 1))
    def adopt(self, most: int, which: int) -> None:
        self.run(lambda: self.gates[which].adopt(Concurrency(max_concurrency=most)))

    @invariant()
    def every_place_is_somebodys(self) -> None:
        for chosen in self.gates:
            held = sum(turn.gate is chosen for turn in self.turns)
            assert chosen.view().in_flight == self.inside.count(chosen) + held

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        for chosen in self.gates:
            view = chosen.view()
            assert view.waiting == sum(turn.gate is None and chosen in turn.gates for turn in self.turns)
            assert not view.waiting or view.in_flight >= (view.limit or 0)


TestGates = Gates.TestCase
