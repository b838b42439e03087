"""The chain from a request's effort to the model, in words, for one repository and one engine.

Rule: each sentence says what was read or rendered, in the order of the gates, and the last says what to do. The short
form is `telling.py`.
"""

from collections.abc import Iterable, Iterator

from triphase_model.effort.analysis import Analysis
from triphase_model.effort.engines import ENGINES
from triphase_model.effort.gates import State, listed
from triphase_model.effort.places import Difference
from triphase_model.effort.profile import Status
from triphase_model.effort.telling import classes_told, last_line, styled
from triphase_model.validator.reports.text import harmless

_STATUS = {
    Status.NONE: "All efforts give the same prompt, so the model cannot know of them.",
    Status.BINARY: "It tells thinking from not thinking, and knows no degrees.",
    Status.PARTIAL: "It tells two degrees of thinking apart.",
    Status.GRADED: "It tells several degrees apart.",
    Status.CONDITIONAL: "It tells efforts apart only where another variable is set.",
    Status.RAISES: "It refuses some of the seven efforts, and tells the others apart.",
}


def explained(analysis: Analysis, engines: Iterable[str]) -> str:
    """The chain, of some engines."""
    if analysis.problem:
        why = "Every chat is refused before a model sees it, whatever effort it asks for."
        return f"{harmless(analysis.problem)}.\n{why}\n\n{last_line(analysis)}"
    paragraphs = [" ".join(_model(analysis)), *(" ".join(_engine(name, analysis)) for name in engines)]
    return "\n\n".join([*paragraphs, last_line(analysis)])


def _model(analysis: Analysis) -> Iterator[str]:
    classes = analysis.classes
    name = analysis.template.name if analysis.template else ""
    yield f"The template {harmless(name)} declares {harmless(', '.join(sorted(analysis.variables)) or 'nothing')}."
    controls = ", ".join(control.name for control in analysis.controls)
    yield f"About effort is {harmless(controls)}." if controls else "No variable of these is about effort."
    yield styled(classes.status, _STATUS[classes.status])
    if classes.context:
        yield f"That is where {harmless(', '.join(f'{name} is {value}' for name, value in classes.context))}."
    if classes.refused:
        yield f"It raises at {listed(classes.refused)}."
    if classes.default:
        yield f"A request without effort has the prompt of {classes.default}."
    yield from (_difference(one) for one in analysis.differences)
    if analysis.token_check and analysis.token_check.differ is False:
        yield "As tokens, some of these prompts are the same all the same."


def _difference(one: Difference) -> str:
    against = one.against or "that of a request without effort"
    where = " and the ".join(one.places)
    return f"The prompt of {one.effort} differs from {against}{f' in the {where}' if where else ''}."


def _engine(name: str, analysis: Analysis) -> Iterator[str]:
    view, gates = analysis.views[name], analysis.gates[name]
    yield f"On {name}: {harmless(ENGINES[name].source)}."
    if len(view.classes) == 1:
        yield f"All of {listed(view.classes[0])} give the same prompt, byte for byte."
    else:
        yield f"Of its field reasoning_effort come the classes {classes_told(view)}; within one, prompts are equal."
    if view.refused:
        yield f"It answers {listed(view.refused)} with an error."
    closed = [gate for gate in gates if gate.state is State.CLOSED]
    if not closed:
        yield "All gates that files can judge are open; whether the model thinks longer is for a measurement to say."
    for gate in closed:
        yield f"Closed is that {gate.gate}: {harmless(gate.evidence)}."
    mends = list(dict.fromkeys(gate.mend for gate in closed if gate.mend))
    yield from (f"What helps: {harmless(mend)}." for mend in mends)
