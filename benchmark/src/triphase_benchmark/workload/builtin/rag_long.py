"""Long prompts of documents with a question at the end, as retrieval puts them together: some 5 500 to 9 500 tokens.

Its rule: the question can be answered from one sentence of one document, which stands first or last.
"""

from collections.abc import Iterator

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.builtin.grammar import expanded
from triphase_benchmark.workload.builtin.prose import WORDS, sentences
from triphase_benchmark.workload.lengths import lengths_of

_RULES = "Answer the question at the end from these documents, in a few sentences, and say which document it is from."
_TITLES = (
    "Notes from {place}",
    "Yearly report: {matter}",
    "Minutes of a meeting at {place}",
    "Letter about {matter}",
    "Inventory of {things}, {place}",
    "Questions and answers about {matter}",
    "Log of {place}",
)


def _documents(chance: Chance, number: int, left: int) -> Iterator[str]:
    """Sentences without end: so many `left` in document `number`, then further documents with their headings."""
    for sentence in sentences(chance):
        if left == 0:
            number, left = number + 1, chance.between(10, 35)
            yield _heading(chance, str(number)) + sentence
        else:
            left -= 1
            yield sentence


def _heading(chance: Chance, number: str) -> str:
    return f"\n\nDocument {number}: {expanded(chance.one_of(_TITLES), WORDS, chance)}\n\n"


def _first(chance: Chance) -> Draft:
    body, place = chance.one_of(WORDS["body"]), chance.one_of(WORDS["place"])
    things, when = chance.one_of(WORDS["things"]), chance.one_of(WORDS["when"])
    fact = f"At {place}, {body} counted {chance.between(100, 999)} {things} {when}."
    question = f"\n\nQuestion: How many {things} did {body} count at {place} {when}?"
    natural = chance.between(240, 420)
    if chance.below(2):
        begin = _RULES + _heading(chance, "1") + fact
        return Draft(begin=begin, filler=_documents(chance, 1, 20), natural=natural, end=question)
    last = _heading(chance, "at the end") + fact
    return Draft(begin=_RULES, filler=_documents(chance, 0, 0), natural=natural, end=last + question)


def _later(chance: Chance) -> Draft:
    things, body = chance.one_of(WORDS["things"]), chance.one_of(WORDS["body"])
    begin = f"And what do the documents say about {body} and {things}? If they say nothing, tell me so."
    return Draft(begin=begin, filler=sentences(chance))


RAG_LONG = PromptSet(name="rag-long", first=_first, later=_later, output=lengths_of("160", "output"))
