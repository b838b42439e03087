"""The checks of clients/rest that need Go, one after another: `tox -e rest`.

Where Go is missing they are skipped with a notice, except in continuous integration (CI=true), where that is a failure.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchains import missing, verdict

ROOT = Path(__file__).parent.parent
REST = ROOT / "clients/rest"
DECODERS = (("FuzzReadChat", "openai"), ("FuzzReadResponses", "openai"), ("FuzzReadRequest", "shim"))
DESCRIPTIONS = ("internal/gen/triphase.swagger.json", "internal/gen/triphase.openapi.json")
FUZZ = ("go", "test", "-run=^$", "-fuzztime=10s", "-fuzzminimizetime=1x")
CHECKS: Sequence[tuple[str, Sequence[str], Path]] = (
    ("stubs", (sys.executable, "tools/rest_stubs.py", "--check"), ROOT),
    ("descriptions", (sys.executable, "-m", "openapi_spec_validator", *DESCRIPTIONS), REST),
    ("vet", ("go", "vet", "./..."), REST),
    ("staticcheck build", ("go", "-C", "tools", "build", "-o", "{bin}/", "honnef.co/go/tools/cmd/staticcheck"), REST),
    ("staticcheck", ("{bin}/staticcheck", "./..."), REST),
    ("tests", ("go", "test", "-race", "-count=1", "./..."), REST),
    *(
        (
            f"fuzz {name}",
            ("go", "test", "-run=^$", f"-fuzz=^{name}$", "-fuzztime=10s", "-fuzzminimizetime=1x", "./internal/openai"),
            REST,
        )
        for name in ("FuzzReadChat", "FuzzReadResponses")
    ),
    ("build", ("go", "build", "-o", "{bin}/", "./cmd/triphase-rest"), REST),
    ("end to end", (sys.executable, "-m", "pytest", "-q", "clients/rest/tests"), ROOT),
)


def main() -> int:
    """Returns the exit code of the first check that fails, or 0."""
    if lacking := missing(["go", "gofmt", "gcc"]):  # the race detector needs a C compiler
        return verdict("the REST shim", lacking)
    binaries = os.environ["TRIPHASE_REST_BIN"]
    for name, command, folder in CHECKS:
        sys.stdout.write(f"rest: {name}\n")
        sys.stdout.flush()
        done = subprocess.run([part.format(bin=binaries) for part in command], cwd=folder, check=False)
        if done.returncode:
            return done.returncode
    unformatted = subprocess.run(
        ["gofmt", "-l", "cmd", "internal"], cwd=REST, capture_output=True, text=True, check=True
    )
    sys.stdout.write(unformatted.stdout)
    return int(bool(unformatted.stdout))


if __name__ == "__main__":
    sys.exit(main())
