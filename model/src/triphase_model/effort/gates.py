"""The six gates between a request's effort and how long a model thinks, on each engine: open, closed, or not known.

Rule: a gate is closed only where files prove it, and open only where they or an engine's source do. What files cannot
say (whether a model was trained, what stands between a client and its engine) is unknown, never hoped for. What would
make a closed gate work is said with it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from triphase_model.effort.classes import Classes, Step
from triphase_model.effort.engines import EngineRules
from triphase_model.effort.profile import Effort, EngineView, Status


class Gate(StrEnum):
    """What must let effort pass, in the order of a request's way."""

    SCHEMA = "the API takes it"
    FORWARDED = "it is passed on"
    TEMPLATE = "the engine hands it to the template"
    USED = "the template uses it"
    APART = "efforts stay apart"
    TRAINED = "the model was trained for it"


class State(StrEnum):
    """How a gate stands."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "cannot be known from files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One gate on one engine; `mend` is what would open it, empty where it is open."""

    gate: Gate
    state: State
    evidence: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that the gates of one engine are judged by."""

    engine: str
    rules: EngineRules
    view: EngineView
    classes: Classes
    variables: frozenset[str]
    switches: tuple[str, ...] = ()


def judged(case: Case) -> tuple[Judged, ...]:
    """All six."""
    return tuple(judge(case) for judge in _JUDGES)


def listed(efforts: Iterable[Effort]) -> str:
    """Efforts as people read them."""
    return ", ".join(efforts)


def _schema(case: Case) -> Judged:
    lacking = [effort for effort in Effort if effort not in case.rules.accepts]
    if not lacking:
        return Judged(gate=Gate.SCHEMA, state=State.OPEN, evidence="all seven efforts are in its API")
    evidence = f"{listed(lacking)} is not in its API; all others are"
    return Judged(gate=Gate.SCHEMA, state=State.OPEN, evidence=evidence, mend=_without(case, lacking))


def _without(case: Case, lacking: Sequence[Effort]) -> str:
    own = [told(step) for step in case.classes.steps if step.effort in lacking]
    return f"set chat_template_kwargs: {'; '.join(own)}" if own else _budget(case)


def _forwarded(_: Case) -> Judged:
    evidence = (
        "Triphase passes on what a route can give and refuses the rest; what else stands before an engine is in no file"
    )
    return Judged(
        gate=Gate.FORWARDED, state=State.UNKNOWN, evidence=evidence, mend="ask the engine itself, or by Triphase"
    )


def _template(case: Case) -> Judged:
    sets = [name for name in case.rules.sets(Effort.HIGH) if name in case.variables]
    if "reasoning_effort" in sets or case.classes.variable in sets:
        dropped = "" if "reasoning_effort" in sets else "reasoning_effort is not declared by the template and is lost; "
        evidence = f"{dropped}it sets {', '.join(sets)}; {case.rules.source}"
        return Judged(gate=Gate.TEMPLATE, state=State.OPEN, evidence=evidence)
    if case.classes.variable:
        why = f"the template reads {case.classes.variable}, which it does not set"
    else:
        why = "the template declares no variable that it sets"
    return Judged(gate=Gate.TEMPLATE, state=State.CLOSED, evidence=f"{why}; {case.rules.source}", mend=_levels(case))


def _used(case: Case) -> Judged:
    made = case.classes
    if made.status is Status.NONE:
        evidence = f"all efforts give the same prompt; the template declares {_declared(case)}"
        words = f"write {' or '.join(case.switches)} into a message, which it looks for; " if case.switches else ""
        return Judged(gate=Gate.USED, state=State.CLOSED, evidence=evidence, mend=f"{words}{_budget(case)}")
    if made.variable in case.variables and len(case.view.classes) > 1:
        evidence = f"prompts differ by {made.variable}{_beside(case)}"
        return Judged(gate=Gate.USED, state=State.OPEN, evidence=evidence)
    evidence = f"it uses {made.variable}{_beside(case)}, but no effort that this engine passes on changes the prompt"
    return Judged(gate=Gate.USED, state=State.CLOSED, evidence=evidence, mend=_levels(case))


def _apart(case: Case) -> Judged:
    raised = [effort for effort in case.view.refused if effort in case.rules.accepts]
    thinks = [one for one in case.view.classes if set(one) != {Effort.NONE}]
    classes = "; ".join(f"{{{listed(one)}}}" for one in case.view.classes) or "nothing"
    refusal = f"; the template raises at {listed(raised)}" if raised else ""
    printed = "; any word is printed, also one without meaning" if case.classes.prints_any else ""
    evidence = f"the same prompt within each of {classes}{refusal}{printed}"
    if len(thinks) > 2 and not raised:
        return Judged(gate=Gate.APART, state=State.OPEN, evidence=evidence)
    return Judged(gate=Gate.APART, state=State.CLOSED, evidence=evidence, mend=f"{_levels(case)}; {_budget(case)}")


def _trained(case: Case) -> Judged:
    evidence = "a prompt that differs says nothing of what a model does with it"
    mend = f"measure it: triphase-benchmark effort --engine {case.engine}=URL"
    return Judged(gate=Gate.TRAINED, state=State.UNKNOWN, evidence=evidence, mend=mend)


def _declared(case: Case) -> str:
    return ", ".join(sorted(case.variables)) or "no variable"


def _beside(case: Case) -> str:
    return "".join(f", where {name} is {value}" for name, value in case.classes.context)


def _levels(case: Case) -> str:
    """What the template can do, if it is asked by its own variables."""
    if not case.classes.steps:
        return _budget(case)
    return f"set chat_template_kwargs: {'; '.join(told(step) for step in case.classes.steps)}"


def told(step: Step) -> str:
    """A level and the variables that bring it about, as JSON."""
    return f"{step.effort} = {json.dumps(dict(step.setting))}"


def _budget(case: Case) -> str:
    if not case.rules.budget:
        return "let the gateway end thoughts at a budget"
    needs = f" (needs {case.rules.needs})" if case.rules.needs else ""
    return f"bound thoughts by {case.rules.budget}{needs}, or let the gateway end them"


_JUDGES: Final[tuple[Callable[[Case], Judged], ...]] = (_schema, _forwarded, _template, _used, _apart, _trained)
