"""Makes the profiles of model repositories that a configuration names without one, each in a child process.

Rule: a repository is analysed again only where one of its files has changed since, so that a reload of something else
costs nothing. Whatever becomes of an analysis is a profile or one line. How it is done is
`triphase_model.effort.deriving`; what a profile says of a deployment is `config/profiles.py`.
"""

import asyncio
from pathlib import Path

from triphase_model.effort.profile import NotAProfile, Profile

from triphase_server.app.watching import Identities, identities

MOST_S = 60.0  # many times what the largest tokenizers take


class Derivations:
    """The profiles that were made; `failed` is whether one could not be. A `Deriver`, for one thread at a time."""

    def __init__(self) -> None:
        self._made: dict[Path, tuple[Identities, Profile]] = {}
        self.failed = False

    def __call__(self, folder: Path) -> Profile:
        """Returns the profile of a repository; raises NotAProfile. Takes seconds, in a thread without an event loop."""
        seen = identities(_files(folder))
        before, profile = self._made.get(folder, ((), None))
        if profile is None or before != seen:
            profile = self._derived(folder)
            self._made[folder] = seen, profile
        return profile

    def _derived(self, folder: Path) -> Profile:
        # Loads the validator, which a gateway without repositories does not need.
        from triphase_model.effort.deriving import CannotDerive, derived  # noqa: PLC0415

        try:
            return asyncio.run(derived(folder, most_s=MOST_S))
        except CannotDerive as error:
            self.failed = True
            raise NotAProfile(file=str(folder), key="", expected=str(error)) from error


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
