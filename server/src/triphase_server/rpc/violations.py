"""Collects what is wrong in a request, field by field, so that a caller learns of everything at once.

The list is bounded, since error details over about 8 KB make gRPC change the status code (grpc soft metadata limit).
"""

import math

from triphase_server.core.errors import InvalidRequest, Violation

_MOST = 16
_MOST_CHARACTERS = 200


class Violations:
    """The violations of one request; `within` names where the ones that follow are."""

    def __init__(self) -> None:
        self._found: list[Violation] = []
        self._path: list[str] = []

    def within(self, part: str) -> "Violations":
        """Names a message or element, such as `messages[2]` or `[0]`, for everything in the `with` that this opens.

        Paths are joined only for what is noted: names are the caller's, and may be long and deep.
        """
        self._path.append(part)
        return self

    def __enter__(self) -> None:
        """Does nothing: `within` has named what begins here."""

    def __exit__(self, *_: object) -> None:
        """Leaves the innermost message or element."""
        self._path.pop()

    def add(self, field: str, description: str) -> None:
        """Notes a violation of one field; beyond the bound it is dropped."""
        if len(self._found) < _MOST:
            path = _joined([*self._path, field] if field else self._path)
            self._found.append(Violation(field=_cut(path), description=_cut(description)))

    def check(self, holds: bool, field: str, description: str) -> None:
        """Notes a violation unless the condition holds."""
        if not holds:
            self.add(field, description)

    def check_range(self, value: float, field: str, *, low: float, high: float, open_low: bool = False) -> None:
        """Notes a number that is not finite or outside of low … high; `open_low` excludes `low` itself."""
        inside = math.isfinite(value) and (low < value if open_low else low <= value) and value <= high
        if not inside:
            bounds = f"more than {low:g}" if open_low else f"at least {low:g}"
            upper = "" if math.isinf(high) else f" and at most {high:g}"
            self.add(field, f"must be {bounds}{upper}")

    def raise_any(self) -> None:
        """Raises InvalidRequest if anything was noted."""
        if self._found:
            raise InvalidRequest(tuple(self._found))


def _joined(parts: list[str]) -> str:
    first, *others = (_cut(part) for part in parts)
    return first + "".join(part if part.startswith("[") else f".{part}" for part in others)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
