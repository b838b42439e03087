"""What an engine really does, as seen before a run: facts for the manifest, and what is wrong with it, in plain words.

Its rule: pure values. What is asked to find them out is `client/probing.py`. An `error` means that a run would measure
nothing or something else; a `warning`, that some measure will be missing or has to be read with care.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

_MOST_NAMED = 8


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong; `code` is for programs, `message` a line for people."""

    severity: Severity
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one answer was. Counts are `None` where the engine told none; `error` is empty where it succeeded."""

    error: str = ""
    detail: str = ""
    token_chunks: int = 0
    role_first: bool = False
    thoughts: bool = False
    usage: str = "none"  # none, at the end, in every chunk, an estimate
    output_tokens: int | None = None
    finish_reason: str | None = None
    end_mark: bool = False
    text: str = ""

    @property
    def tokens_per_chunk(self) -> float | None:
        """On average; more than 1 means that ITL is coarser than tokens."""
        if not self.output_tokens or not self.token_chunks:
            return None
        return self.output_tokens / self.token_chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Everything that was found.

    `waited_s`: until it answered at all; `None`: it never did, and `down` says why. `models`: `None` where it lists
    none. `model`: what a run will ask for. `round_trip_s`: the least that a request without a model took.
    `asked_tokens`: the length that was asked for. `seed_honoured`: whether two requests of one seed had one answer;
    `None` = not known.
    """

    engine: str
    url: str
    profile: str
    down: str = ""
    waited_s: float | None = None
    models: tuple[str, ...] | None = None
    model: str | None = None
    model_asked: bool = False
    version: str | None = None
    round_trip_s: float | None = None
    asked_tokens: int | None = None
    fixes_length: bool = True
    stream: Seen | None = None
    whole: Seen | None = None
    seed_honoured: bool | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, errors first."""
        found = [finding for look in _LOOKS for finding in look(self)]
        return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))

    @property
    def can_run(self) -> bool:
        """Whether a run would measure this engine."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """Its part of the manifest; without the answers' texts."""
        names = [name for name in self.__dataclass_fields__ if name not in {"stream", "whole"}]
        return {
            **{name: getattr(self, name) for name in names},
            **{name: None if seen is None else _seen_json(seen) for name, seen in self._answers()},
            "findings": [
                {"severity": one.severity.value, "code": one.code, "message": one.message} for one in self.findings
            ],
        }

    def _answers(self) -> tuple[tuple[str, Seen | None], ...]:
        return ("stream", self.stream), ("whole", self.whole)


def _seen_json(seen: Seen) -> dict[str, object]:
    known = {name: getattr(seen, name) for name in seen.__dataclass_fields__ if name != "text"}
    return {**known, "tokens_per_chunk": seen.tokens_per_chunk}


def _down(probe: Probe) -> Iterator[Finding]:
    if probe.down:
        yield _error("down", f"{probe.engine} at {probe.url}: {probe.down}")


def _model(probe: Probe) -> Iterator[Finding]:
    if probe.down:
        return
    if probe.model is None:
        known = "it lists no models" if not probe.models else f"it lists {_named(probe.models)}"
        yield _error("no-model", f"{probe.engine} was given no model, and {known}: name one")
    elif probe.models and probe.model_asked and probe.model not in probe.models:
        near = get_close_matches(probe.model, probe.models, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        message = f"{probe.engine} has no model {probe.model!r}: {hint}it has {_named(probe.models)}"
        answers = probe.stream is not None and not probe.stream.error
        yield (
            _warning("unlisted-model", f"{message}; it answers all the same")
            if answers
            else _error("unknown-model", message)
        )


def _stream(probe: Probe) -> Iterator[Finding]:
    seen, whole = probe.stream, probe.whole
    if seen is None or not seen.error:
        return
    told = f"{seen.error}: {seen.detail}" if seen.detail else seen.error
    if "HTML" in seen.detail:
        yield _error("html", f"{probe.engine} answers pages of HTML: is {probe.url} the address of its API?")
    elif whole is not None and not whole.error:
        yield _error("no-streaming", f"{probe.engine} answers whole, but not as a stream: {told}")
    else:
        yield _error("no-answer", f"{probe.engine} gave no answer to a first request: {told}")


def _usage(probe: Probe) -> Iterator[Finding]:
    seen = probe.stream
    if seen is None or seen.error:
        return
    if seen.usage == "none":
        yield _warning(
            "no-usage",
            f"{probe.engine} tells no usage in streams: tokens are unknown, hence TPOT, throughput in tokens and cost",
        )
    elif seen.usage == "an estimate":
        yield _warning("estimated-usage", f"{probe.engine} estimates its usage: lengths cannot be verified")
    if not seen.end_mark:
        yield _warning(
            "no-end-mark", f"{probe.engine} ends streams without [DONE]: a cut is seen by finish_reason alone"
        )


def _length(probe: Probe) -> Iterator[Finding]:
    seen = probe.stream
    if seen is None or seen.output_tokens is None or probe.asked_tokens is None or seen.usage == "an estimate":
        return
    if not probe.fixes_length:
        yield _warning(
            "free-length",
            f"the profile {probe.profile} cannot make {probe.engine} give a number of tokens, only limit it",
        )
    elif seen.output_tokens != probe.asked_tokens:
        yield _error(
            "length",
            f"{probe.engine} gave {seen.output_tokens} tokens where {probe.asked_tokens} were asked for as least and"
            f" most: engines cannot be compared by answers of their own length; is its profile {probe.profile!r}?",
        )


def _seed(probe: Probe) -> Iterator[Finding]:
    if probe.seed_honoured is False:
        yield _warning("seed", f"{probe.engine} gives other answers for one seed: its texts differ from run to run")


_LOOKS = (_down, _model, _stream, _usage, _length, _seed)


def _named(models: tuple[str, ...]) -> str:
    more = len(models) - _MOST_NAMED
    return ", ".join(models[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _error(code: str, message: str) -> Finding:
    return Finding(severity=Severity.ERROR, code=code, message=message)


def _warning(code: str, message: str) -> Finding:
    return Finding(severity=Severity.WARNING, code=code, message=message)
