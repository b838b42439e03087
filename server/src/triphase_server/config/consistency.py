"""What contradicts itself across values of the file that are each fine: repeats, weights of zero, bounds, circles.

Rule: the document is read as it stands, so that these are told together with what else is wrong; what is malformed is
passed over, since `schema.py` tells of it. What works but is hardly meant is in `warning_rules.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeGuard

from triphase_server.config.errors import KeyPath, key_text
from triphase_server.config.source import as_table
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.retry import RetryPolicy

_NAMES_SHOWN = 12
_NAME_CHARACTERS_SHOWN = 40
_MOST_SECONDS = 86400


class _Bounds(NamedTuple):
    """Two keys of a table, of which the first is never more than the second."""

    section: str
    table: str
    low: str
    high: str
    defaults: object


_BOUNDS = (
    _Bounds("deployments", "breaker", "open_s", "open_max_s", BreakerPolicy()),
    _Bounds("routes", "retry", "initial_s", "max_s", RetryPolicy()),
)


def contradictions(document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yields the key of each, and what was expected there."""
    for bounds in _BOUNDS:
        yield from _crossed(as_table(document.get(bounds.section)), bounds)
    yield from _shared_address(document)
    routes = {name: as_table(route) for name, route in as_table(document.get("routes")).items()}
    for name, route in routes.items():
        yield from ((("routes", name, *at), message) for at, message in chain(_repeats(route), _zero_weights(route)))
    yield from _circles(routes)


def _shared_address(document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    admin = document.get("admin_listen")
    for other in ("listen", "metrics_listen"):
        if isinstance(admin, str) and admin == document.get(other) and not admin.endswith(":0") and admin:
            yield ("admin_listen",), f"expected an address of its own; this one is that of {other}"


def _crossed(entries: Mapping[str, Any], bounds: _Bounds) -> Iterator[tuple[KeyPath, str]]:
    for name, entry in entries.items():
        table = as_table(as_table(entry).get(bounds.table))
        low, high = (table.get(key, getattr(bounds.defaults, key)) for key in (bounds.low, bounds.high))
        if not _is_seconds(low) or not _is_seconds(high) or low <= high:
            continue
        around = (bounds.section, name, bounds.table)
        if bounds.high in table:
            yield (*around, bounds.high), f"expected no less than {bounds.low}, which is {low}; got {high}"
        else:
            yield (*around, bounds.low), f"expected no more than {bounds.high}, which is {high} by default; got {low}"


def _is_seconds(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS


def _repeats(route: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for key, what in (("deployments", "deployment"), ("fallbacks", "route")):
        seen: set[str] = set()
        for index, name in enumerate(map(_name, _list(route.get(key)))):
            if name in seen:
                yield (key, index), f"expected each {what} once; this one is repeated"
            seen |= {name} - {""}


def _name(item: object) -> str:
    """Returns the name that an item is, or holds; empty where it has none."""
    name = item.get("name") if isinstance(item, dict) else item
    return name if isinstance(name, str) else ""


def _zero_weights(route: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    places = [_place(item) for item in _list(route.get("deployments"))]
    tiers = {place[0] for place in places if place}
    if not tiers or None in places:
        return
    first = min(tiers)
    if not any(place and place[0] == first and place[1] != 0 for place in places):
        yield ("deployments",), f"expected a weight more than 0 where priority is {first}; weights of zero take nothing"


def _place(item: object) -> tuple[int, float] | None:
    """Returns priority and weight of a route's deployment; `None` where they are malformed."""
    table = as_table(item)
    priority, weight = table.get("priority", 0), table.get("weight", 1.0)
    return (priority, weight) if type(priority) is int and type(weight) in {int, float} else None


def _circles(routes: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[KeyPath, str]]:
    fallbacks = {name: [_name(item) for item in _list(route.get("fallbacks"))] for name, route in routes.items()}
    for circle in circles(fallbacks):
        path = ("routes", circle[-2], "fallbacks", fallbacks[circle[-2]].index(circle[-1]))
        yield path, f"expected fallbacks that do not lead back; these go {_arrows(circle)}"


def circles(fallbacks: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yields a circle for each fallback that leads back to where the walk came from: `("a", "b", "a")`.

    Each fallback is followed once, in the order of the file; without those that are yielded there is no circle left.
    Names that no route has lead nowhere.
    """
    done: set[str] = set()
    for start in fallbacks:
        walk = {} if start in done else {start: iter(dict.fromkeys(fallbacks[start]))}
        while walk:
            here, following = walk.popitem()
            step = next(following, None)
            if step is None:
                done.add(here)
                continue
            walk[here] = following
            if step in walk:
                names = tuple(walk)
                yield (*names[names.index(step) :], step)
            elif step in fallbacks and step not in done:
                walk[step] = iter(dict.fromkeys(fallbacks[step]))


def _arrows(circle: Sequence[str]) -> str:
    # Shortened in the middle: what matters is where it begins, and which one leads back.
    names = [key_text((name,)) for name in circle]
    if len(names) > _NAMES_SHOWN:
        names[_NAMES_SHOWN - 2 : -2] = [f"({len(names) - _NAMES_SHOWN} more)"]
    return " → ".join(n if len(n) <= _NAME_CHARACTERS_SHOWN else n[: _NAME_CHARACTERS_SHOWN - 1] + "…" for n in names)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
