"""Problems that take some thinking: each made around its solution, so that it has exactly one."""

from collections.abc import Callable
from itertools import pairwise

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.builtin.prose import WORDS, sentences
from triphase_benchmark.workload.lengths import lengths_of

_ASK = "Think it through step by step, then give the answer on a line of its own."
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _stock(chance: Chance) -> str:
    """Arithmetic over several steps that never goes below zero."""
    things, left = chance.one_of(WORDS["things"]), chance.between(200, 900)
    lines = [f"{_capital(chance.one_of(WORDS['body']))} begins the week with {left} {things}."]
    for day in _DAYS[: chance.between(4, 6)]:
        if chance.below(2):
            more, times = chance.between(11, 60), chance.between(2, 5)
            left += more * times
            lines.append(f"On {day} {times} carts bring {more} each.")
        else:
            share = chance.between(3, 6)
            taken = left // share
            left -= taken
            lines.append(f"On {day} one in every {share} is given away, rounded down to whole ones.")
    return " ".join([*lines, f"How many {things} are left?"])


def _order(chance: Chance) -> str:
    """An order that follows from clues: each names two neighbours, told out of order."""
    places = chance.shuffled(WORDS["place"])[: chance.between(5, 7)]
    clues = [f"{_capital(b)} comes right after {a}." for a, b in pairwise(places)]
    asked = chance.between(2, len(places) - 1)
    return (
        f"A messenger visits {len(places)} places, each once: {_listed(sorted(places))}. "
        f"{' '.join(chance.shuffled(clues))} Which place does the messenger visit as number {asked}, "
        f"and which are the places before it?"
    )


def _tank(chance: Chance) -> str:
    """Two rates against each other."""
    minutes, inflow, drain = chance.between(12, 95), chance.between(30, 80), chance.between(5, 25)
    volume = minutes * (inflow - drain)
    pause = chance.between(3, 11)
    return (
        f"A tank at {chance.one_of(WORDS['place'])} holds {volume} litres and is empty. A pump brings {inflow} "
        f"litres a minute while {drain} litres a minute leak out. After the first {pause} minutes the pump stops for "
        f"{pause} minutes, during which the leak goes on as long as there is water; then it runs until it is full. "
        f"After how many minutes, counted from the beginning, is it full?"
    )


def _journey(chance: Chance) -> str:
    """Times of a day, with a wait in the middle."""
    hour, minute = chance.between(5, 11), chance.between(0, 59)
    ride, wait, walk = chance.between(25, 130), chance.between(6, 48), chance.between(4, 35)
    late = chance.between(2, 14)
    a, b, c = chance.shuffled(WORDS["place"])[:3]
    return (
        f"A tram leaves {a} at {hour}:{minute:02d} and takes {ride} minutes to {b}, but today it is {late} minutes "
        f"late when it gets there. The next boat goes {wait} minutes after the tram should have come, or, if that one "
        f"is missed, {wait + 30} minutes after it. The boat takes {2 * walk} minutes to {c}. "
        f"When does a passenger arrive who needs {chance.between(3, 9)} minutes from tram to boat?"
    )


def _purchase(chance: Chance) -> str:
    """Two unknowns, two equations, whole numbers."""
    first, second = chance.shuffled(WORDS["things"])[:2]
    p, q = chance.between(3, 40), chance.between(3, 40)
    a, b = chance.between(2, 9), chance.between(2, 9)
    c, d = a + chance.between(1, 5), b  # independent of the first, since only one count differs
    return (
        f"Somebody buys {a} {first} and {b} {second} for {a * p + b * q} coins; another buys {c} {first} and {d} "
        f"{second} at the same prices for {c * p + d * q} coins. What would {chance.between(2, 20)} {first} and "
        f"{chance.between(2, 20)} {second} cost?"
    )


def _calendar(chance: Chance) -> str:
    """Days that come together again."""
    one, other, third = chance.between(3, 9), chance.between(4, 12), chance.between(2, 6)
    bodies = chance.shuffled(WORDS["body"])[:3]
    return (
        f"{_capital(bodies[0])} sends a boat every {one} days, {bodies[1]} every {other} days and {bodies[2]} every "
        f"{third} days. Today, on a {chance.one_of(_DAYS)}, all three leave together. On which day of the week, and in "
        f"how many days, do all three leave together for the {chance.one_of(('first', 'second', 'third'))} time again?"
    )


_PROBLEMS: tuple[Callable[[Chance], str], ...] = (_stock, _order, _tank, _journey, _purchase, _calendar)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(texts: list[str]) -> str:
    return ", ".join(texts[:-1]) + " and " + texts[-1]


def _first(chance: Chance) -> Draft:
    return Draft(begin=chance.one_of(_PROBLEMS)(chance), filler=sentences(chance), end=f" {_ASK}")


def _later(chance: Chance) -> Draft:
    return Draft(begin=f"Here is another one. {chance.one_of(_PROBLEMS)(chance)}", filler=sentences(chance))


REASONING = PromptSet(name="reasoning", first=_first, later=_later, output=lengths_of("1024", "output"))
