"""The built-in questions: sums for a model that can do little else, and problems of medium difficulty for the others.

Its rule: each is made around its solution, a whole number, so that anyone can check it; and each leaves room for more
thinking and for less. The same seed gives the same questions, and no question comes twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from triphase_benchmark.effort.values import Prompt
from triphase_benchmark.plan.chance import Chance, Purpose

_ASK: Final = "Give the answer as a whole number in the last line."
_NAMES: Final = ("Ada", "Ben", "Cleo", "Dan", "Edda", "Finn", "Gus", "Hana", "Ines", "Jon")
_DAYS: Final = 7


def sums(seed: int, count: int) -> tuple[Prompt, ...]:
    """Additions of two numbers with two digits: what the reference model can do."""
    return _different(seed, 0, count, lambda chance, _: _sum(chance))


def problems(seed: int, count: int) -> tuple[Prompt, ...]:
    """Problems of several steps, of each kind in turn."""
    return _different(seed, 1, count, lambda chance, place: _KINDS[place % len(_KINDS)](chance))


def _different(seed: int, which: int, count: int, make: Callable[[Chance, int], tuple[str, int]]) -> tuple[Prompt, ...]:
    chance = Chance(seed, Purpose.EFFORT, which, 0, 0, 0)
    found: dict[str, int] = {}
    while len(found) < count:
        text, answer = make(chance, len(found))
        found.setdefault(text, answer)
    return tuple(Prompt(turns=(("user", text),), answer=str(answer)) for text, answer in found.items())


def _sum(chance: Chance) -> tuple[str, int]:
    a, b = chance.between(11, 89), chance.between(11, 89)
    return f"What is {a} + {b}?", a + b


def _market(chance: Chance) -> tuple[str, int]:
    """Additions and shares in turn, none of which goes below zero."""
    left = chance.between(180, 640)
    name = chance.one_of(_NAMES)
    lines = [f"{name} brings {left} apples to the market."]
    for _ in range(chance.between(3, 4)):
        share = chance.between(3, 6)
        left -= left // share
        more = chance.between(15, 70)
        left += more
        lines.append(f"Then one in every {share} is sold, rounded down to whole ones, and {more} more are brought.")
    return f"{' '.join(lines)} How many apples are left? {_ASK}", left


def _remainders(chance: Chance) -> tuple[str, int]:
    """The least number with three given remainders."""
    number = chance.between(60, 900)
    divisors = chance.one_of(((5, 7, 9), (4, 7, 9), (5, 8, 9), (7, 8, 11), (5, 9, 11)))
    product = divisors[0] * divisors[1] * divisors[2]
    told = ", ".join(f"{number % divisor} when divided by {divisor}" for divisor in divisors)
    return f"What is the smallest whole number above 0 that leaves a remainder of {told}? {_ASK}", (
        number % product or product
    )


def _ages(chance: Chance) -> tuple[str, int]:
    """Two people whose ages are told by a sum and by a multiple in another year."""
    first, second = chance.shuffled(_NAMES)[:2]
    younger, years, times = chance.between(4, 15), chance.between(2, 9), chance.between(2, 4)
    older = times * (younger + years) - years
    text = (
        f"{first} and {second} are {older + younger} years old together. In {years} years {first} will be {times} "
        f"times as old as {second} will be then. How old is {first} now? {_ASK}"
    )
    return text, older


def _weekdays(chance: Chance) -> tuple[str, int]:
    """How many of a kind of day lie between two days."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    first, asked, days = chance.below(_DAYS), chance.below(_DAYS), chance.between(90, 400)
    count = sum((first + day) % _DAYS == asked for day in range(days))
    text = f"A course begins on a {names[first]} and lasts {days} days, the first one included."
    return f"{text} How many of its days are {names[asked]}s? {_ASK}", count


def _digits(chance: Chance) -> tuple[str, int]:
    """Counting numbers by a property of their digits."""
    most, total = chance.between(220, 700), chance.between(7, 12)
    count = sum(sum(map(int, str(number))) == total for number in range(1, most + 1))
    return f"How many whole numbers from 1 to {most} have digits that add up to {total}? {_ASK}", count


def _steps(chance: Chance) -> tuple[str, int]:
    """A rule that is applied again and again."""
    value, rounds = chance.between(7, 60), chance.between(7, 11)
    begin = value
    for _ in range(rounds):
        value = value // 2 if value % 2 == 0 else 3 * value + 1
    text = f"Begin with {begin}. If the number is even, halve it; if it is odd, multiply it by 3 and add 1."
    return f"{text} Which number is there after {rounds} steps? {_ASK}", value


_KINDS: Final[Sequence[Callable[[Chance], tuple[str, int]]]] = (_market, _remainders, _ages, _weekdays, _digits, _steps)

SETS: Final[Mapping[str, Callable[[int, int], tuple[Prompt, ...]]]] = {"general": problems, "sums": sums}
