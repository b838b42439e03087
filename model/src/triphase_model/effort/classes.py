"""Which efforts a template can really give: classes of settings, and for each class one level with its variables.

Rule: a level is a class of its own, named by the effort whose word the template itself has, else by the one that people
mean by it. A prompt that ends the thoughts before they began is the level `none`, whatever word brings it about. What
an engine makes of the field is `engines.py`; that prompts differ says nothing of what was trained.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from triphase_model.effort.controls import NONSENSE, Control, Kind
from triphase_model.effort.markers import Pair, ending_of, thought_in
from triphase_model.effort.profile import Effort, Scalar, Status, Thought
from triphase_model.effort.settings import UNSET, WITHOUT_PROMPT, Fingerprint, Rendered, Setting, setting_of

# Of the words of one class that the template has, or of those that it has not, the first names it.
_PREFERENCE: Final = (Effort.MEDIUM, Effort.LOW, Effort.HIGH, Effort.NONE, Effort.MAX, Effort.XHIGH, Effort.MINIMAL)
# A template that prints any word does not say which were trained; these are what most models know.
_USUAL: Final = (Effort.LOW, Effort.MEDIUM, Effort.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level: the setting that gives it, how its prompt leaves the thoughts, and the values of the same class."""

    effort: Effort
    setting: Setting
    thought: Thought
    words: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """What a template can do. `context` is what must be set for the variable to do anything; empty if nothing must.

    `refused` are the efforts at which the template raises, with its words; `prints_any` is whether it prints whatever
    the variable says; `unnamed` are the template's own words that stand for no effort and give a prompt of their own.
    """

    status: Status
    variable: str = ""
    context: Setting = UNSET
    steps: tuple[Step, ...] = ()
    default: Effort | None = None
    refused: Mapping[Effort, str]
    prints_any: bool = False
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A value of a control that gives a prompt."""

    control: Control
    value: Scalar | None
    setting: Setting
    effort: Effort


def classes_of(controls: Sequence[Control], made: Rendered, pair: Pair | None) -> Classes:
    """Judges the renderings."""
    contexts = {control.name: _context(control, controls, made) for control in controls}
    ordered = sorted(controls, key=lambda one: (contexts[one.name] is None, list(Kind).index(one.kind)))
    steps: dict[Effort, Step] = {}
    seen: set[Fingerprint] = set()
    for control in ordered:
        for step in _steps(control, contexts[control.name] or UNSET, made, pair):
            fingerprint = made.fingerprint(step.setting)
            if fingerprint not in seen and step.effort not in steps:
                steps[step.effort] = step
                seen.add(fingerprint)
    main = next((one for one in ordered if contexts[one.name] is not None), None)
    rising = tuple(steps[effort] for effort in Effort if effort in steps) if len(steps) > 1 else ()
    context = (contexts[main.name] if main else None) or UNSET
    refused = _refused(main, context, made) if main else {}
    return Classes(
        status=_status(rising, context, refused),
        variable=main.name if main and rising else "",
        context=context,
        steps=rising,
        default=next((s.effort for s in rising if made.fingerprint(s.setting) == made.fingerprint(UNSET)), None),
        refused=refused,
        prints_any=_prints(main, context, made) if main else False,
        unnamed=_unnamed(main, context, rising, made) if main else (),
    )


def _status(steps: Sequence[Step], context: Setting, refused: Mapping[Effort, str]) -> Status:
    thinks = [step for step in steps if step.effort is not Effort.NONE]
    ways = (
        (len(steps) < 2, Status.NONE),
        (bool(refused), Status.RAISES),
        (bool(context), Status.CONDITIONAL),
        (len(steps) > 2, Status.GRADED),
        (len(thinks) == 2, Status.PARTIAL),
    )
    return next((status for holds, status in ways if holds), Status.BINARY)


def _context(control: Control, controls: Sequence[Control], made: Rendered) -> Setting | None:
    """Where the control does something: by itself, or only beside a value of a toggle; None where it never does."""
    toggles = [one for one in controls if one.kind is Kind.TOGGLE and one.name != control.name]
    beside = [((one.name, value),) for one in toggles for value in (True, False) if value in one.values]
    contexts: list[Setting] = [UNSET, *(beside if control.kind is not Kind.TOGGLE else ())]
    for context in contexts:
        tried = [_with(context, control, value) for value in control.values]
        told = {made.fingerprint(one) for one in tried if not made.failed(one)}
        if len(told | {made.fingerprint(context)}) > 1:
            return context
    return None


def _with(context: Setting, control: Control, value: Scalar | None) -> Setting:
    return setting_of(dict(context) | ({} if value is None else {control.name: value}))


def _steps(control: Control, context: Setting, made: Rendered, pair: Pair | None) -> Iterator[Step]:
    """The classes of one control, each under one name."""
    groups: dict[Fingerprint, list[_Candidate]] = {}
    for candidate in _candidates(control, context, made):
        groups.setdefault(made.fingerprint(candidate.setting), []).append(candidate)
    for group in groups.values():
        prompt = made.text(group[0].setting)
        thought = thought_in(ending_of(prompt, made.text(group[0].setting, WITHOUT_PROMPT)), pair)
        chosen = _named(group, control, thought)
        effort = Effort.NONE if thought is Thought.CLOSED else chosen.effort
        words = tuple(one.value for one in group if one.value is not None)
        yield Step(effort=effort, setting=chosen.setting, thought=thought, words=words)


def _named(group: Sequence[_Candidate], control: Control, thought: Thought) -> _Candidate:
    thinks = [one for one in group if one.effort is not Effort.NONE] if thought is not Thought.CLOSED else []
    return min(thinks or group, key=lambda one: (one.value not in control.named, _PREFERENCE.index(one.effort)))


def _candidates(control: Control, context: Setting, made: Rendered) -> Iterator[_Candidate]:
    values: list[tuple[Scalar | None, Effort | None]] = list(control.values.items())
    if control.unset is not None:
        values.append((None, control.unset))
    known = _known(control) if _prints(control, context, made) else frozenset(Effort)
    for value, effort in values:
        setting = _with(context, control, value)
        if effort in known and not made.failed(setting):
            yield _Candidate(control=control, value=value, setting=setting, effort=effort)


def _known(control: Control) -> frozenset[Effort]:
    """The efforts to go by where the template prints any word: its own words, if it has several."""
    own = {effort for value, effort in control.values.items() if effort is not None and value in control.named}
    return frozenset(own if len(own) > 1 else _USUAL)


def _prints(control: Control, context: Setting, made: Rendered) -> bool:
    return control.kind is Kind.WORDS and NONSENSE in (made.text(_with(context, control, NONSENSE)) or "")


def _refused(control: Control, context: Setting, made: Rendered) -> Mapping[Effort, str]:
    """The efforts whose own word the template raises at, and what it says."""
    if control.kind is not Kind.WORDS:
        return {}
    failed = ((effort, made.failed(_with(context, control, effort.value))) for effort in Effort)
    return {effort: outcome.detail for effort, outcome in failed if outcome is not None}


def _unnamed(control: Control, context: Setting, steps: Iterable[Step], made: Rendered) -> tuple[str, ...]:
    """The template's words for no effort that give what neither a level nor a word without meaning gives."""
    known = {made.fingerprint(step.setting) for step in steps} | {made.fingerprint(UNSET)}
    known.add(made.fingerprint(_with(context, control, NONSENSE)))
    words = [word for word, effort in control.values.items() if effort is None and word != NONSENSE]
    tried = [(str(word), _with(context, control, word)) for word in words]
    return tuple(word for word, one in tried if not made.failed(one) and made.fingerprint(one) not in known)
