"""A beginning that many requests share, where a user asks for one: a system message of a given length.

Its rule: the only way in which built-in prompts come to share a prefix. Each round has prefixes of its own and meets
them first in its warm-up, so that all rounds begin alike.
"""

from dataclasses import dataclass, replace

from triphase_benchmark.plan.chance import Chance, Purpose, tag
from triphase_benchmark.plan.ports import Place, Workload
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.values import Message, Prompt
from triphase_benchmark.workload.builtin.prose import sentences
from triphase_benchmark.workload.fitting import fitted
from triphase_benchmark.workload.options import Options

FORMS = "2000 or 2000,share=0.8,groups=4: tokens, the share of conversations that begin so, and how many different ones"
_TEXT, _CHOICE = 0, 1
_MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPrefix:
    """`share`: of all conversations, 0 to 1. `groups`: how many prefixes there are in a round, each as likely."""

    tokens: int
    share: float = 1.0
    groups: int = 1


def shared_prefix_of(text: str) -> SharedPrefix:
    """What `--shared-prefix` means.

    Raises:
        BadInput: It is no shared prefix.
    """
    tokens, *options = text.split(",")
    given = dict(option.partition("=")[::2] for option in options)
    try:
        made = SharedPrefix(
            tokens=int(tokens), share=float(given.pop("share", "1")), groups=int(given.pop("groups", "1"))
        )
    except ValueError:
        made = SharedPrefix(tokens=0)
    if given or not (1 <= made.tokens <= _MOST_TOKENS and 0 < made.share <= 1 and made.groups >= 1):
        raise BadInput(f"--shared-prefix {text!r} is none: it takes {FORMS}")
    return made


class SharedPrefixWorkload:
    """A workload whose conversations begin with a system message that others have too."""

    def __init__(self, workload: Workload, *, prefix: SharedPrefix, options: Options) -> None:
        self.name = f"{workload.name} after a shared prefix of {prefix.tokens} tokens"
        self._workload = workload
        self._prefix = prefix
        self._options = options
        self._texts: dict[tuple[int, int, int], str] = {}

    @property
    def size(self) -> int | None:
        """That of the workload within."""
        return self._workload.size

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the workload within, and that the prefix's length is an estimate."""
        return tuple(dict.fromkeys((*self._workload.notes, *self._options.notes)))

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        """That of the workload within, in most cases after a prefix."""
        first, *later = self._workload.conversation(seed, place)
        chance = Chance(seed, Purpose.PREFIXES, _CHOICE, place.round, place.number)
        if chance.uniform() < self._prefix.share:
            first = self._after(self._text(seed, place.round, chance.below(self._prefix.groups)), first)
        return (first, *later)

    def _after(self, text: str, prompt: Prompt) -> Prompt:
        message = Message(role="system", content=text)
        others = prompt.messages
        if others[0].role == "system":  # many templates take one system message only
            message, others = replace(message, content=f"{text}\n\n{others[0].content}"), others[1:]
        messages = (message, *others)
        counts = [self._options.counted(one.content) for one in messages]
        tokens = sum(count or 0 for count in counts) if self._options.counter.exact else None
        return replace(prompt, messages=messages, input_tokens=tokens)

    def _text(self, seed: int, round_: int, group: int) -> str:
        key = (seed, round_, group)
        if key not in self._texts:
            begin = f"Instructions {tag('prefix', *key)}."
            filler = sentences(Chance(seed, Purpose.PREFIXES, _TEXT, round_, group))
            self._texts[key] = fitted(self._options.counter, self._prefix.tokens, begin=begin, filler=filler)
        return self._texts[key]
