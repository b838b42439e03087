from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.client.dispatch import Dispatch, deal, deal_places
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt


def request(number: int, scheduled_ns: int | None = None, *, after: int | None = None) -> PlannedRequest:
    prompt = Prompt(id=f"p{number}", messages=(Message(role="user", content="?"),))
    return PlannedRequest(number=number, prompt=prompt, scheduled_ns=scheduled_ns, after=after)


def test_a_closed_loop_sends_when_a_place_is_free() -> None:
    dispatch = Dispatch([request(n) for n in range(4)], load=Load.CLOSED, places=2)
    assert [(dispatch.take()[0].number, dispatch.next_due()) for _ in range(2)] == [(0, 0), (1, None)]
    dispatch.ended(1, 50, well=True)
    assert (dispatch.next_due(), dispatch.take()[0].number) == (50, 2)
    dispatch.ended(0, 70, well=False)
    taken, due = dispatch.take()
    assert (taken.number, due, dispatch.next_due()) == (3, 70, None)
    assert not dispatch.is_over
    for number in (2, 3):
        dispatch.ended(number, 90, well=True)
    assert dispatch.is_over


def test_an_open_loop_sends_whatever_has_become_of_the_others() -> None:
    dispatch = Dispatch([request(0, 10), request(1, 30), request(2, 20)], load=Load.OPEN, places=None)
    assert [(dispatch.next_due(), dispatch.take()[0].number) for _ in range(3)] == [(10, 0), (20, 2), (30, 1)]
    assert dispatch.running == 3


def test_a_bounded_open_loop_keeps_the_time_that_was_due() -> None:
    dispatch = Dispatch([request(0, 10), request(1, 20)], load=Load.OPEN, places=1)
    dispatch.take()
    assert dispatch.next_due() is None
    dispatch.ended(0, 500, well=True)
    assert dispatch.take()[1] == 20


def test_a_conversation_goes_on_at_its_place_once_its_answer_is_there() -> None:
    turns = [request(0), request(1), request(2, after=0), request(3, after=2)]
    dispatch = Dispatch(turns, load=Load.CLOSED, places=1)
    order = []
    for at in (10, 20, 30, 40):
        taken, _ = dispatch.take()
        order.append(taken.number)
        dispatch.ended(taken.number, at, well=True)
    assert order == [0, 2, 3, 1]


def test_a_turn_is_due_at_its_time_or_after_the_answer_before_it() -> None:
    dispatch = Dispatch([request(0, 0), request(1, 50, after=0), request(2, 500, after=1)], load=Load.OPEN, places=None)
    dispatch.take()
    assert dispatch.next_due() is None
    dispatch.ended(0, 100, well=True)
    assert dispatch.take()[1] == 100
    dispatch.ended(1, 200, well=True)
    assert dispatch.take()[1] == 500


def test_turns_after_one_that_failed_are_lost() -> None:
    dispatch = Dispatch([request(0), request(1, after=0), request(2, after=1), request(3)], load=Load.CLOSED, places=1)
    dispatch.take()
    assert {lost.number for lost in dispatch.ended(0, 5, well=False)} == {1, 2}
    assert dispatch.take()[0].number == 3
    assert dispatch.unsent == []


def test_what_was_not_taken_is_told() -> None:
    dispatch = Dispatch([request(n, n) for n in range(3)], load=Load.OPEN, places=None)
    dispatch.take()
    assert [one.number for one in dispatch.unsent] == [1, 2]


@given(st.integers(1, 60), st.integers(1, 8), st.lists(st.integers(0, 59)))
def test_every_request_is_dealt_once_and_conversations_stay_whole(count: int, workers: int, follows: list[int]) -> None:
    after = {n: before for n, before in enumerate(follows[:count]) if before < n}
    requests = [request(n, after=after.get(n)) for n in range(count)]
    hands = deal(requests, workers)
    holder = {one.number: worker for worker, hand in enumerate(hands) for one in hand}
    assert sorted(holder) == list(range(count))
    assert all(holder[n] == holder[before] for n, before in after.items())


def test_requests_are_dealt_in_turns() -> None:
    hands = deal([request(n) for n in range(5)], 2)
    assert [[one.number for one in hand] for hand in hands] == [[0, 2, 4], [1, 3]]


def test_places_are_dealt_evenly() -> None:
    assert deal_places(7, 3) == [3, 2, 2]
    assert deal_places(1, 3) == [1, 0, 0]
    assert deal_places(None, 2) == [None, None]


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30))
def test_no_more_run_than_there_are_places_and_all_get_their_turn(places: int, made: list[tuple[bool, int]]) -> None:
    requests = [request(n, after=b if follows and b < n else None) for n, (follows, b) in enumerate(made)]
    dispatch = Dispatch(requests, load=Load.CLOSED, places=places)
    running: list[int] = []
    order: list[int] = []
    while not dispatch.is_over:
        while dispatch.next_due() is not None:
            taken, _ = dispatch.take()
            running.append(taken.number)
            order.append(taken.number)
        assert 0 < len(running) <= places
        dispatch.ended(running.pop(0), len(order), well=True)
    assert sorted(order) == list(range(len(made)))
    assert all(one.after is None or order.index(one.after) < order.index(one.number) for one in requests)
