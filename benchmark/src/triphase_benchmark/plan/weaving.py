"""Which request each slot of a round takes, where conversations have several turns.

Its rule: the load says when requests are sent, conversations only which. A slot goes to the turn that has waited
longest since the one before it, if any is due by then, else a new conversation begins. So the rate stays that of the
load whatever the number of turns, and conversations that the round's end cuts off simply have fewer.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triphase_benchmark.plan.values import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What one slot takes: turn `turn` of the `conversation`-th conversation, after what slot `after` took."""

    prompt: Prompt
    conversation: int
    turn: int
    after: int | None


def woven(begin: Callable[[int], tuple[Prompt, ...]], *, moments: Sequence[int], pause: int) -> list[Slot]:
    """Fills all slots.

    Args:
        begin: Makes the turns of the n-th conversation, at least one; asked in order.
        moments: When each slot is, rising. In a closed loop its number.
        pause: How much later than a turn the next one may be, in the same unit.
    """
    slots: list[Slot] = []
    # When the next turn is due, its conversation and turn; the slot of the turn before it, and all turns.
    waiting: list[tuple[int, int, int, int, tuple[Prompt, ...]]] = []
    begun = 0
    for here, moment in enumerate(moments):
        after: int | None = None
        if waiting and waiting[0][0] <= moment:
            _, conversation, turn, after, turns = heapq.heappop(waiting)
        else:
            conversation, turn, turns = begun, 0, begin(begun)
            begun += 1
        slots.append(Slot(prompt=turns[turn], conversation=conversation, turn=turn, after=after))
        if turn + 1 < len(turns):
            heapq.heappush(waiting, (moment + pause, conversation, turn + 1, here, turns))
    return slots
