"""In which order a round asks the engines: at random, and balanced.

Its rule: as many rounds as there are engines make a block, in which each engine stands once at each place. Whatever
drifts while a run goes on (heat, neighbours, caches) then meets all of them alike, and no one can foresee the order.
"""

from collections.abc import Sequence

from triphase_benchmark.plan.chance import Chance, Purpose


def order_of_round(engines: Sequence[str], *, seed: int, number: int) -> tuple[str, ...]:
    """The order of one round. It depends on nothing but the arguments, so that rounds can be added later."""
    block, row = divmod(number, len(engines))
    chance = Chance(seed, Purpose.ORDER, block)
    # A Latin square: the turns of one random order, themselves in random order.
    first = chance.shuffled(engines)
    shift = chance.shuffled(range(len(engines)))[row]
    return (*first[shift:], *first[:shift])
