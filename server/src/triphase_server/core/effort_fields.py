"""Fields of a body by their paths, such as `chat_template_kwargs.enable_thinking`, and what a caller's own say.

Its rule: what a caller writes into `extra_body` is explicit, and wins over the route's default; beside an effort or a
bound of the request it must say the same, since no order of the two would be what was meant. What the gateway writes
is decided in `effort.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triphase_server.core.effort_tables import BUDGET_FIELDS, CONTROLS, SWITCHES, WORDS
from triphase_server.core.errors import Violation
from triphase_server.core.request import Effort

Fields = Mapping[str, object]


def leaves(body: Fields, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yields the path of each value that is no object, and the value."""
    for name, value in body.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def at_path(path: str, value: object) -> dict[str, object]:
    """Returns a body that holds one value, at a path."""
    name, _, rest = path.partition(".")
    return {name: at_path(rest, value) if rest else value}


def merged(low: Fields, high: Fields) -> dict[str, object]:
    """Returns both bodies in one; of two values at one path the second is kept."""
    result = dict(low)
    for name, value in high.items():
        present = result.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        result[name] = merged(present, value) if both else value  # type: ignore[arg-type] # mappings, as `both` says
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFields:
    """What a caller's own fields say of thinking, by path: of the effort, and of a bound."""

    effort: Fields
    bound: Fields


NOTHING = OwnFields(effort={}, bound={})


def own_fields(extra_body: Fields, *, effort_paths: frozenset[str], budget_field: str) -> OwnFields:
    """Returns the caller's fields that steer thinking.

    Args:
        extra_body: The caller's fields.
        effort_paths: Where the deployment is told an effort, whatever else such a field is to others.
        budget_field: Where it is told a bound.
    """
    bounds = BUDGET_FIELDS | {budget_field}
    effort: dict[str, object] = {}
    bound: dict[str, object] = {}
    for path, value in leaves(extra_body):
        if isinstance(value, Mapping):
            continue  # an object that says nothing
        if path in effort_paths or (path in CONTROLS and path not in bounds):
            effort[path] = value
        elif path in bounds:
            bound[path] = value
    return OwnFields(effort=effort, bound=bound)


def contradictions(own: Fields, *, effort: Effort, written: Fields) -> Iterator[Violation]:
    """Yields what of the caller's own fields says something else than the effort beside it.

    Args:
        own: The caller's fields that steer thinking, by path.
        effort: The effort that is asked of the engine.
        written: What the gateway would write for it, by path.
    """
    for path, value in own.items():
        if path in written:
            agrees = same(value, written[path])
        elif any(ours.startswith(f"{path}.") for ours in written):
            agrees = False  # what should hold ours is no object
        elif path in SWITCHES and isinstance(value, bool):
            agrees = value is (effort is not Effort.NONE)
        else:
            agrees = path not in WORDS or value == effort.value
        if not agrees:
            yield Violation(field=f"extra_body.{path}", description=f"contradicts reasoning.effort, which is {effort}")


def same(one: object, other: object) -> bool:
    """Whether two values of a body are equal to an engine."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)  # to Python, 1 is True
