"""The whole analysis of one repository: reads it, has its template rendered, and judges what came of that.

Rule: files alone are looked at, nothing of a repository runs but its template in the validator's child process, and
whatever it is like the analysis is a value. How it is told is `telling.py`, what is kept of it `profiling.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from triphase_model.effort import engines, places, tokens
from triphase_model.effort.classes import Classes, classes_of
from triphase_model.effort.controls import Control, controls_of, switches_of
from triphase_model.effort.engines import ENGINES
from triphase_model.effort.family import family_of
from triphase_model.effort.gates import Case, Judged, judged
from triphase_model.effort.markers import THINK, Pair, ending_of, markers_of, thought_in
from triphase_model.effort.profile import EngineView, Messages, Status, Thought, Tokenizer
from triphase_model.effort.settings import UNSET, WITHOUT_PROMPT, Rendered, Renderer, Setting, rendered, settings_of
from triphase_model.effort.taking import TAKING, taken
from triphase_model.validator.checking import Verdict
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.rendering.probes import PROBES
from triphase_model.validator.rendering.results import Failure, Rendering
from triphase_model.validator.repository import Repository, is_template, read_repository
from triphase_model.validator.source import Source
from triphase_model.validator.templates import Template
from triphase_model.validator.vocabulary import NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is known. Where `problem` says why nothing could be judged, all after it is as if nothing were there.

    `stopped` is whether that was a limit of ours, and not a fault of the repository. `variables` are those that the
    template declares, `controls` those of them that are about effort, and `switches` words in the text of a message
    that it looks for.
    """

    name: str
    template: Template | None = None
    problem: str = ""
    stopped: bool = False
    family: str = ""
    variables: frozenset[str] = frozenset()
    controls: tuple[Control, ...] = ()
    switches: tuple[str, ...] = ()
    classes: Classes = Classes(status=Status.NONE, refused=MappingProxyType({}))
    views: Mapping[str, EngineView] = field(default_factory=lambda: MappingProxyType({}))
    gates: Mapping[str, tuple[Judged, ...]] = field(default_factory=lambda: MappingProxyType({}))
    differences: tuple[places.Difference, ...] = ()
    pair: Pair | None = None
    starts: Thought = Thought.UNOPENED
    token_check: tokens.TokenCheck | None = None
    messages: Messages = Messages()
    tokenizer: Tokenizer = Tokenizer()

    @property
    def verdict(self) -> Verdict:
        """How it ended: clean where the template grades effort, an error where no chat can be rendered."""
        if self.problem:
            return Verdict.UNANSWERED if self.stopped else Verdict.ERRORS
        return Verdict.CLEAN if self.classes.status is Status.GRADED else Verdict.WARNINGS


def analyse(source: Source, *, renderer: Renderer = render) -> Analysis:
    """Analyses the files of a repository; `renderer` stands in for a new process for each round of renderings."""
    repository = read_repository(source)
    template = next((one for one in repository.templates if one.used), None)
    if template is None or not template.text.strip():
        why = _no_template(repository) if template is None else f"the chat template {template.name} is empty"
        return Analysis(name=source.name, problem=why, tokenizer=tokens.tokenizer_of(repository))
    special = _special_tokens(repository)
    first = renderer(template.text, special, {**PROBES, **TAKING})
    problem, stopped = _problem(first)
    if problem:
        return Analysis(
            name=source.name,
            template=template,
            problem=problem,
            stopped=stopped,
            variables=first.variables,
            tokenizer=tokens.tokenizer_of(repository),
        )
    controls = controls_of(first)
    settings = settings_of(controls, engines.settings_on_all(first.variables))
    made = rendered(template.text, special, settings, renderer)
    return _judged(repository, template, first, controls, settings, made)


def _judged(
    repository: Repository,
    template: Template,
    first: Rendering,
    controls: tuple[Control, ...],
    settings: Sequence[Setting],
    made: Rendered,
) -> Analysis:
    endings = {one: ending_of(made.text(one), made.text(one, WITHOUT_PROMPT)) for one in settings}
    pair = markers_of(endings.values(), template.text, repository.vocabulary.ids)
    classes = classes_of(controls, made, pair)
    views = {name: engines.view(rules, first.variables, made) for name, rules in ENGINES.items()}
    cases = {
        name: Case(
            engine=name,
            rules=ENGINES[name],
            view=view,
            classes=classes,
            variables=first.variables,
            switches=switches_of(first),
        )
        for name, view in views.items()
    }
    starts = thought_in(endings[UNSET], pair)
    return Analysis(
        name=repository.source.name,
        template=template,
        family=family_of(repository, first.variables, starts, plain=not controls and pair == THINK),
        variables=first.variables,
        controls=controls,
        switches=switches_of(first),
        classes=classes,
        views=views,
        gates={name: judged(case) for name, case in cases.items()},
        differences=places.differences(classes, made),
        pair=pair,
        starts=starts,
        token_check=tokens.compared(repository, [made.text(step.setting) or "" for step in classes.steps]),
        messages=taken(first),
        tokenizer=tokens.tokenizer_of(repository),
    )


def _special_tokens(repository: Repository) -> dict[str, str]:
    vocabulary = repository.vocabulary
    return {key: text for key in NAMED if (text := vocabulary.named(key).text) is not None}


_HOLDERS: Final = ("tokenizer_config.json", "chat_template.json")
_NO_TEMPLATE: Final = "there is no chat template: an engine refuses every chat, so effort can have no effect"


def _no_template(repository: Repository) -> str:
    if repository.templates:
        return "none of the chat templates is the default one, so an engine refuses every chat without tools"
    broken = (file for file in _HOLDERS if (document := repository.documents[file]).present and not document.readable)
    unread = [*broken, *(path for path in repository.unread if is_template(path))]
    return f"{unread[0]} cannot be read, so no chat template is known" if unread else _NO_TEMPLATE


def _problem(made: Rendering) -> tuple[str, bool]:
    """Why no chat can be rendered, and whether it was stopped; empty where one can."""
    if made.lost is not None:
        return made.lost, True
    if made.refused is not None:
        return f"the template does not compile: {made.detail}", made.refused is Failure.LIMIT
    failed = made.failed("user")
    if failed is not None:
        return f"the simplest chat cannot be rendered: {failed.detail}", failed.failure is Failure.LIMIT
    return "", False
