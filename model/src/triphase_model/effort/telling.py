"""An analysis for people: what the template can do, what each engine makes of it, and the six gates.

Rule: as in the validator's reports, nothing of a repository reaches a terminal as it is, and colours are taken away by
whoever prints to no terminal. The chain in words is `explaining.py`, the profile `profile.py`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import typer

from triphase_model.effort.analysis import Analysis
from triphase_model.effort.classes import Step
from triphase_model.effort.gates import Judged, State, listed
from triphase_model.effort.places import Difference
from triphase_model.effort.profile import EngineView, Messages, Status, Thought
from triphase_model.validator.reports.text import harmless

_COLOURS: Final[Mapping[str, str]] = {
    State.OPEN: typer.colors.GREEN,
    State.CLOSED: typer.colors.RED,
    State.UNKNOWN: typer.colors.YELLOW,
    Status.GRADED: typer.colors.GREEN,
    Status.NONE: typer.colors.RED,
}
_THOUGHTS: Final[Mapping[Thought, str]] = {
    Thought.UNOPENED: "the model opens them",
    Thought.OPEN: "the prompt opens them",
    Thought.CLOSED: "the prompt ends them",
}
_SHORT: Final[Mapping[State, str]] = {State.OPEN: "open", State.CLOSED: "closed", State.UNKNOWN: "unknown"}


def told(analysis: Analysis, engines: Iterable[str]) -> str:
    """The whole report, of some engines."""
    if analysis.problem:
        return f"{styled(Status.NONE, 'no effort')}  {harmless(analysis.problem)}\n\n{last_line(analysis)}"
    blocks = ["\n".join(_template(analysis))]
    blocks += ["\n".join(_engine(name, analysis)) for name in engines]
    return "\n\n".join([*blocks, last_line(analysis)])


def styled(state: str, text: str) -> str:
    """The text in the colour of a state."""
    return typer.style(text, fg=_COLOURS.get(state, typer.colors.YELLOW), bold=True)


def last_line(analysis: Analysis) -> str:
    """One line that says it all."""
    levels = listed(step.effort for step in analysis.classes.steps)
    variable = f", variable={analysis.classes.variable}" if analysis.classes.variable else ""
    end = f" (levels: {levels})" if levels else ""
    word = "no chat can be rendered" if analysis.problem else f"effort={analysis.classes.status}{variable}{end}"
    return harmless(f"{analysis.name}: {word}")


def _template(analysis: Analysis) -> Iterator[str]:
    classes = analysis.classes
    yield f"{styled(classes.status, classes.status)}  what the template can do"
    name = analysis.template.name if analysis.template else ""
    yield _line("template", f"{name}{f', family {analysis.family}' if analysis.family else ''}")
    yield _line("declares", ", ".join(sorted(analysis.variables)) or "nothing")
    yield from (_line("level", _level(step, analysis)) for step in classes.steps)
    if classes.context:
        yield _line("only", f"where {', '.join(f'{name} is {value}' for name, value in classes.context)}")
    yield from (_line("raises", f"at {effort}: {why}") for effort, why in classes.refused.items())
    if classes.prints_any:
        yield _line("prints", "any word that it is given: which of them were trained is in no file")
    if classes.unnamed:
        yield _line("words", f"of its own that stand for no effort: {', '.join(classes.unnamed)}")
    if analysis.switches:
        yield _line("switches", f"in the text of messages: {', '.join(analysis.switches)}")
    yield from (_line("differs", _difference(one)) for one in analysis.differences)
    yield _line("tokens", _tokens(analysis))
    yield _line("thoughts", _thoughts(analysis))
    yield _line("messages", _messages(analysis.messages))


def _line(label: str, text: str) -> str:
    return f"  {label:<9} {harmless(text)}"


def _level(step: Step, analysis: Analysis) -> str:
    default = ", as without effort" if step.effort is analysis.classes.default else ""
    return f"{step.effort} = {json.dumps(dict(step.setting))}; {_THOUGHTS[step.thought]}{default}"


def _difference(one: Difference) -> str:
    against = f"from {one.against}" if one.against else "from a request without effort"
    places = " and ".join(one.places) or "the tools or an earlier turn"
    return f"{one.effort} {against} in the {places}: {one.here!r} for {one.there!r}"


def _tokens(analysis: Analysis) -> str:
    check = analysis.token_check
    if check is None or check.differ is None:
        return check.why if check else "not evaluated"
    counts = f"; {', '.join(map(str, check.counts))} of them" if check.counts else ""
    return f"{'differ as well' if check.differ else 'are the same for some levels'} ({check.why}){counts}"


def _thoughts(analysis: Analysis) -> str:
    if analysis.pair is None:
        return "no marker of a known family"
    return f"{analysis.pair[0]} … {analysis.pair[1]}; {_THOUGHTS[analysis.starts]}"


def _messages(messages: Messages) -> str:
    values = {name: str(getattr(messages, name)) for name in messages.__struct_fields__}
    changed = [f"{name} = {value}" for name, value in values.items() if value != "keep"]
    return ", ".join(changed) or "all of a conversation can be taken as it is"


def _engine(name: str, analysis: Analysis) -> Iterator[str]:
    view = analysis.views[name]
    yield typer.style(name, bold=True)
    yield _line("classes", classes_told(view))
    if view.refused:
        yield _line("refuses", listed(view.refused))
    for number, gate in enumerate(analysis.gates[name], start=1):
        yield from _gate(number, gate)


def classes_told(view: EngineView) -> str:
    """The classes of efforts, as people read them."""
    return " ≠ ".join(f"{{{listed(one)}}}" for one in view.classes) or "none: every effort is refused"


def _gate(number: int, gate: Judged) -> Iterator[str]:
    yield f"  {number} {styled(gate.state, f'{_SHORT[gate.state]:<7}')} {gate.gate}: {harmless(gate.evidence)}"
    if gate.mend:
        yield f"            → {harmless(gate.mend)}"
