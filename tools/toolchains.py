"""Whether a language's toolchain is at hand: a missing one fails in CI, and is skipped with a notice elsewhere.

Nothing is ever installed or downloaded to make up for it. What is done with a toolchain is in `tools/check_go.py` and
`tools/check_languages.py`.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence


def missing(programs: Sequence[str], *, path: str | None = None) -> list[str]:
    """Returns those of the programs that are not on PATH, or on `path`."""
    return [program for program in programs if shutil.which(program, path=path) is None]


def verdict(name: str, lacking: Sequence[str], *, environment: Mapping[str, str] = os.environ) -> int:
    """Tells what is missing for `name`, and returns the exit code: 1 in CI (CI=true), 0 on a user's machine."""
    in_ci = bool(environment.get("CI"))
    sys.stderr.write(f"{'FAILED' if in_ci else 'skipped'} {name}: {', '.join(lacking)} not found\n")
    return int(in_ci)
