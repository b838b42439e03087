from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.plan.values import Message, Prompt
from triphase_benchmark.plan.weaving import woven


def turns(conversation: int, count: int) -> tuple[Prompt, ...]:
    message = (Message(role="user", content="?"),)
    return tuple(Prompt(id=f"{conversation}.{turn}", messages=message) for turn in range(count))


def test_a_slot_goes_to_the_turn_that_has_waited_longest() -> None:
    slots = woven(lambda n: turns(n, 3), moments=range(8), pause=2)
    assert [slot.prompt.id for slot in slots] == ["0.0", "1.0", "0.1", "1.1", "0.2", "1.2", "2.0", "3.0"]
    assert [slot.after for slot in slots] == [None, None, 0, 1, 2, 3, None, None]


def test_conversations_that_the_end_cuts_off_have_fewer_turns() -> None:
    slots = woven(lambda n: turns(n, 9), moments=range(3), pause=1)
    assert [slot.prompt.id for slot in slots] == ["0.0", "0.1", "0.2"]


@given(
    counts=st.lists(st.integers(1, 5), min_size=40, max_size=40),
    moments=st.lists(st.integers(0, 100), max_size=40).map(sorted),
    pause=st.integers(0, 30),
)
def test_turns_come_in_order_and_not_before_their_time(counts: list[int], moments: list[int], pause: int) -> None:
    begun: list[int] = []

    def begin(n: int) -> tuple[Prompt, ...]:
        begun.append(n)
        return turns(n, counts[n])

    slots = woven(begin, moments=moments, pause=pause)
    assert len(slots) == len(moments)
    assert begun == list(range(len(begun)))
    assert len({slot.prompt.id for slot in slots}) == len(slots)
    for here, slot in enumerate(slots):
        if slot.after is None:
            assert slot.turn == 0
        else:
            before = slots[slot.after]
            assert (before.conversation, before.turn) == (slot.conversation, slot.turn - 1)
            assert moments[here] >= moments[slot.after] + pause
            assert slot.after < here
