"""Short questions and wishes, as people put them to an assistant: a few dozen tokens, answers of a paragraph or two."""

from collections.abc import Mapping, Sequence

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.builtin.grammar import sentence
from triphase_benchmark.workload.builtin.prose import WORDS, sentences
from triphase_benchmark.workload.lengths import lengths_of

_WORDS: Mapping[str, Sequence[str]] = {
    **WORDS,
    "topic": (
        "how tides work",
        "why bread rises",
        "what a heat pump does",
        "how a lock lifts a boat",
        "compound interest",
        "how vaccines train the body",
        "why leaves change colour",
        "how a sail can pull a boat into the wind",
        "what a hash function is",
        "how glass is made",
        "why the sky is blue",
        "how a bicycle stays upright",
        "the difference between weather and climate",
        "how a library sorts its books",
        "what inflation is",
        "how noise-cancelling headphones work",
        "why salt melts ice",
        "how a refrigerator cools",
        "what makes a good handover at the end of a shift",
        "how maps flatten a round world",
        "why some metals rust and others do not",
        "how a tram takes its current",
        "what a control group is for",
        "how bees find their way home",
        "why echoes fade",
        "how paper is recycled",
        "what a leap second is",
        "how a lighthouse lens works",
        "why knots hold",
        "how a seed knows which way is up",
    ),
    "reader": (
        "a child of ten",
        "a new colleague",
        "my grandmother",
        "a class of beginners",
        "an engineer from another field",
        "somebody who has two minutes",
        "a visitor who reads no manuals",
        "a committee that must decide today",
        "a friend who is afraid of numbers",
        "an apprentice in the second year",
    ),
    "form": (
        "in three short paragraphs",
        "in at most {80-200} words",
        "as a list of {3-8} points",
        "with one good example",
        "without technical terms",
        "as a short dialogue",
        "with a comparison from the kitchen",
        "in plain sentences",
        "and say at the end what is often misunderstood",
        "and name {2-4} things that are still unknown",
    ),
    "letter": (
        "an invitation to the opening of",
        "a polite complaint about the delay at",
        "a note of thanks to those at",
        "an announcement of new opening hours at",
        "a request for a quiet room at",
        "a short speech about",
        "a job advertisement for",
        "a notice about repairs at",
    ),
    "plan": (
        "a weekend for {2-12} people",
        "a move with {20-90} boxes",
        "a small festival",
        "a training week for newcomers",
        "a week of dinners for {2-6}",
        "a walk of {8-25} kilometres",
        "the renewal of a workshop floor",
        "a book club's first {3-9} meetings",
        "a garden of {20-300} square metres",
        "a stall at the market",
    ),
    "limit": (
        "The budget is {120-950} coins.",
        "There is no car.",
        "Two of us do not eat meat.",
        "It may well rain.",
        "We have {2-9} hours.",
        "Nobody has done it before.",
        "It should be quiet after nine in the evening.",
        "One of us cannot climb stairs.",
        "The key has to be returned by {4-9} in the evening.",
    ),
}
_FIRST = (
    "explain {topic} to {reader}, {form}.",
    "what should {reader} know about {topic}? Answer {form}.",
    "I have to talk about {topic} for {5-20} minutes. What would you say, and in which order? Write it {form}.",
    "write {letter} {place}, {form}. Mention that {body} {did} {2-40} {things} {when}.",
    "help me plan {plan}. {limit} {limit} Give me the steps {form}.",
    "{body} says that {view}, {why}. What would you answer, {form}?",
    "which is {quality}: to keep {things} at {place}, or to have {body} store them? Weigh it up {form}.",
    "give me {5-12} titles for an article about {topic} that is meant for {reader}.",
    "I was told to read about {topic} because of {matter} at {place}. Is there a link? Answer {form}.",
)
_LATER = (
    "thank you. Now say the same for {reader}, {form}.",
    "and does that touch on the question of {topic}? Please answer {form}.",
    "that is too long for me. Give me the {2-5} points that matter most, {form}.",
    "which part of it would {reader} doubt, and what would you reply?",
    "suppose that {body} had {did} all {things} {when}. What would change?",
    "good. {limit} Does that change your advice?",
)


def _written(templates: Sequence[str], chance: Chance) -> Draft:
    return Draft(begin=sentence(chance.one_of(templates), _WORDS, chance), filler=sentences(chance))


CHAT = PromptSet(
    name="chat",
    first=lambda chance: _written(_FIRST, chance),
    later=lambda chance: _written(_LATER, chance),
    output=lengths_of("256", "output"),
)
