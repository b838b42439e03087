"""Lines of JSON on standard output, which is what `--json` means of every command."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def print_json(event: str, told: Mapping[str, Any]) -> None:
    """Prints one line of JSON."""
    sys.stdout.write(json.dumps({"event": event, **told}, default=_plain, allow_nan=False) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
