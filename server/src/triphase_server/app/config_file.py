"""The configuration file of a process, as its command line names it: read at the start and at every reload.

Rule: what the command line says wins over the file, each time. Before it is read, the files that it consists of are
looked at, itself and those of keys and certificates, so that whatever changes later is seen. When it is read is decided
by `reload.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from triphase_server.app.watching import Identities, identities
from triphase_server.config import GatewayConfig, files_of, load
from triphase_server.config.profiles import Deriver


class ConfigFile:
    """A file; `seen` is how its files were when it was last read, however that ended.

    `overrides` holds fields of `GatewayConfig`, `environ` the variables that the file names; `derive` makes profiles of
    model repositories. The methods read from a file system and take their time: an event loop has them called in a
    thread, one at a time.
    """

    def __init__(
        self, path: Path, *, environ: Mapping[str, str], overrides: Mapping[str, Any], derive: Deriver | None = None
    ) -> None:
        self.path = path
        self._derive = derive
        self._environ = environ
        self._overrides = overrides
        self._files: tuple[Path, ...] = (path,)
        self.seen: Identities = (None,)

    def read(self) -> GatewayConfig:
        """Returns what the file says now; raises ConfigError."""
        self._files = files_of(self.path)
        self.seen = self.look()
        return replace(load(self.path, environ=self._environ, derive=self._derive), **self._overrides)

    def look(self) -> Identities:
        """Returns how the files are now that it named when it was last read."""
        return identities(self._files)
