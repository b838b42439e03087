"""Checks the TypeScript client from its lock to its package: `python tools/typescript.py [STEP …]`, tox env `ts`.

It needs Node and npm of the system, and is done by the steps below in their order; all of them unless some are named.
Where there is no Node, or one older than package.json allows, it says so and passes; in CI it fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from codegen import ROOT, differences

HOME = ROOT / "clients/typescript"
STUBS = Path("src/gen")


def npm(*arguments: str) -> None:
    """Runs npm in the client's folder; raises CalledProcessError where it fails."""
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}  # uv finds its own
    subprocess.run(["npm", *arguments], cwd=HOME, env=kept, check=True)


def check_lock() -> None:
    """Raises SystemExit where the lock names addresses: where packages come from is each machine's configuration."""
    packages: dict[str, dict[str, object]] = json.loads((HOME / "package-lock.json").read_text())["packages"]
    named = [name for name, package in packages.items() if "resolved" in package]
    if named:
        raise SystemExit(f"package-lock.json names addresses: {', '.join(named)}: run `npm install` here again")


def check_stubs() -> None:
    """Raises SystemExit where the committed stubs are not those of proto/."""
    with tempfile.TemporaryDirectory() as folder:
        npm("run", "--silent", "generate", "--", "--output", folder)
        found = differences(HOME / STUBS, Path(folder) / STUBS)
    if found:
        raise SystemExit("\n".join([*found, "The stubs are not those of proto/: `npm run generate` and commit."]))


STEPS: Mapping[str, Callable[[], None]] = {
    "lock": check_lock,
    "install": lambda: npm("ci", "--no-audit", "--no-fund"),
    "generate": check_stubs,
    "lint": lambda: npm("run", "--silent", "lint"),
    "types": lambda: npm("run", "--silent", "types"),
    "test": lambda: npm("run", "--silent", "test"),
    "build": lambda: npm("run", "--silent", "build"),
}


def missing() -> str | None:
    """Says what is not there of what it takes; None = all is there."""
    node, wanted = shutil.which("node"), json.loads((HOME / "package.json").read_text())["engines"]["node"]
    if node is None or shutil.which("npm") is None:
        return f"Node {wanted} with npm is not installed"
    found = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return None if major(found) >= major(wanted) else f"Node {wanted} is needed, and {found} is installed"


def major(version: str) -> int:
    """Reads the first number of a version, such as `v20.20.2` or `>=20`."""
    number = re.search(r"\d+", version)
    return int(number[0]) if number else 0


def main() -> int:
    """Returns the exit code: 1 where a step fails, or where nothing can be checked in CI."""
    lacks = missing()
    if lacks is not None:
        in_ci = os.environ.get("CI") == "true"
        sys.stderr.write(f"{lacks}: the TypeScript client is {'not checked' if in_ci else 'skipped'}\n")
        return int(in_ci)
    for name in sys.argv[1:] or STEPS:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        try:
            STEPS[name]()
        except subprocess.CalledProcessError as error:
            return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
