"""What programmers ask: functions to be written, explained, tested or mended, with a piece of code in half of them."""

from collections.abc import Mapping, Sequence

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.builtin.grammar import expanded, sentence
from triphase_benchmark.workload.builtin.prose import sentences
from triphase_benchmark.workload.lengths import lengths_of

_WORDS: Mapping[str, Sequence[str]] = {
    "language": ("Python", "Go", "Rust", "TypeScript", "Java", "C", "Kotlin", "Swift", "SQL", "Ruby"),
    "job": (
        "merges overlapping intervals",
        "finds the {2-20} most frequent words of a text",
        "parses a duration such as 1h{2-59}m",
        "rounds amounts of money to the nearest {2-10} cents",
        "splits a list into {2-16} parts of nearly equal length",
        "checks whether brackets of {2-4} kinds are balanced",
        "keeps the last {10-900} values and gives their median",
        "turns a nested dictionary into one with dotted keys",
        "reads a CSV line with quoted fields",
        "finds all cycles in a graph of dependencies",
        "retries a call at most {2-9} times with growing pauses",
        "compares two version numbers",
        "wraps a text to {30-120} columns",
        "encodes runs of equal bytes",
        "finds the shortest way through a grid of {5-90} columns",
        "removes duplicates but keeps the order",
        "limits calls to {2-90} in {1-60} seconds",
        "merges {2-8} sorted streams into one",
        "computes a rolling hash",
    ),
    "demand": (
        "It must work in linear time.",
        "It must not change its input.",
        "Empty input is not an error.",
        "Negative numbers raise an error.",
        "It may use {1-64} megabytes at most.",
        "No library but the standard one.",
        "Names should be such that no comment is needed.",
        "It has to be safe to call from {2-16} threads.",
        "Text may hold any Unicode character.",
        "Add {2-6} tests, one of which is for an edge case.",
    ),
    "name": (
        "collect",
        "settle",
        "gather",
        "weigh",
        "arrange",
        "pick",
        "trace",
        "tally",
        "sift",
        "chart",
        "fold",
        "rank",
    ),
    "item": ("orders", "readings", "routes", "parcels", "scores", "tickets", "samples", "loans", "shifts", "berths"),
    "field": ("weight", "price", "length", "delay", "level", "count", "age", "depth", "rate", "share"),
    "test": ("> {2-90}", "< {2-90}", "% {2-9} == 0", "!= {2-90}", ">= {2-90}", "<= {2-90}"),
    "sum": ("best", "found", "kept", "answer", "chosen", "rest"),
}
_TASKS = (
    "write a function in {language} that {job}. {demand} {demand}",
    "in {language}, I need something that {job} and then {job}. {demand} Show the code first, then explain it briefly.",
    "which data structure would you take in {language} for code that {job}? {demand} Sketch the code.",
    "translate the idea of a function that {job} from {language} to another language, and name what differs. {demand}",
)
_ABOUT = (
    "what does this code do, and where could it be simpler? {demand}",
    "this code is slow for more than {20-90} thousand {item}. Make it faster and say why that helps.",
    "write {3-9} tests for this function, the edge cases first. {demand}",
    "somebody says that this function is wrong for empty {item}. Are they right? Mend it if they are.",
    "rewrite this in {language}. {demand}",
)
_CODE = (
    """\
def {name}_{item}({item}, limit={2-99}):
    {sum} = []
    for one in {item}:
        if one['{field}'] {test} and one['{field}'] {test}:
            {sum}.append(one['{field}'])
    return sorted({sum})[:limit]""",
    """\
def {name}({item}):
    seen = {}
    for place, one in enumerate({item}):
        key = one['{field}'] // {2-60}
        if key in seen and one['{field}'] {test}:
            return seen[key], place
        seen[key] = place
    return None""",
    """\
def {name}_{field}({item}, step={2-40}):
    {sum} = {1-30}
    while {item}:
        one = {item}.pop()
        {sum} += one['{field}'] * step if one['{field}'] {test} else one['{field}']
        step = max(step - {1-5}, 1)
    return {sum}""",
    """\
def {name}({item}, size={2-50}):
    {sum} = []
    for begin in range(0, len({item}) - size, {1-9}):
        part = {item}[begin:begin + size]
        {sum}.append(sum(x['{field}'] for x in part) / size)
    return max({sum})""",
)


def _first(chance: Chance) -> Draft:
    if chance.below(2):
        return Draft(begin=sentence(chance.one_of(_TASKS), _WORDS, chance), filler=sentences(chance))
    # One word for each name throughout, or the code would not hang together.
    chosen = {name: (chance.one_of(_WORDS[name]),) for name in ("name", "item", "field", "sum")}
    words = {**_WORDS, **chosen}
    code = expanded(chance.one_of(_CODE), words, chance)
    return Draft(
        begin=sentence(chance.one_of(_ABOUT), words, chance),
        filler=sentences(chance),
        end=f"\n\n```python\n{code}\n```",
    )


def _later(chance: Chance) -> Draft:
    task = chance.one_of(("now also make it so that it {job}. {demand}", "good. {demand} What has to change?"))
    return Draft(begin=sentence(task, _WORDS, chance), filler=sentences(chance))


CODE = PromptSet(name="code", first=_first, later=_later, output=lengths_of("400", "output"))
