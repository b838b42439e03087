"""The pages of the shim in a real Chromium, and its facade by the npm package openai: `tox -e e2e`.

It needs Go, Node and npm, and a Chromium of the system, which CHROMIUM may name. Where one is missing it says so and
passes; in CI it fails. Pictures of the pages go to the folder that SCREENSHOTS names.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from toolchains import missing, verdict

ROOT = Path(__file__).parent.parent
REST = ROOT / "clients/rest"
E2E = REST / "e2e"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Returns the exit code: 1 where a step fails, or where nothing can be checked in CI."""
    browser = os.environ.get("CHROMIUM") or next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if lacking := [*missing(["go", "node", "npm"]), *([] if browser else ["chromium"])]:
        return verdict("the pages of the shim", lacking)
    binaries = os.environ["TRIPHASE_REST_BIN"]
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment = kept | {"PYTHON": sys.executable, "CHROMIUM": str(browser)}
    for command, folder in (
        (("go", "build", "-o", f"{binaries}/", "./cmd/triphase-rest"), REST),
        (("npm", "ci", "--no-audit", "--no-fund"), E2E),
        (("npm", "test", "--silent"), E2E),
    ):
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
