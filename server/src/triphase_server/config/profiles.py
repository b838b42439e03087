"""The model profiles that a file names, and what each says of a deployment before the file's own keys.

Rule: a profile is believed in what it knows, and what it does not know is left to the preset. It is read once for each
reading of the configuration. What stands in one is `triphase_model.effort.profile`; who makes one for a repository that
is named without one comes in as a `Deriver`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from triphase_model.effort.profile import Profile, read

from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.effort_tables import TEMPLATE_FIELD
from triphase_server.core.normalization import AS_GIVEN, Normalization
from triphase_server.core.request import Effort

# Makes the profile of a model repository; raises NotAProfile where it cannot.
Deriver = Callable[[Path], Profile]


class Profiles:
    """The profiles of one reading of the configuration; without `derive` none is made for a repository."""

    def __init__(self, derive: Deriver | None = None) -> None:
        self._derive = derive
        self._known: dict[str, Profile] = {}

    def named(self, path: str) -> Profile:
        """Returns the profile in a file; raises NotAProfile."""
        return self._once(path, read)

    def derives(self, deployment: Mapping[str, Any]) -> bool:
        """Whether the profile of a deployment is one that is made of its repository."""
        return self._derive is not None and bool(deployment.get("repository")) and not deployment.get("profile")

    def derive(self, repository: str) -> None:
        """Makes the profile of a repository of which one is to be made; raises NotAProfile."""
        if self._derive:
            self._once(repository, self._derive)

    def of(self, deployment: Mapping[str, Any]) -> Profile | None:
        """Returns the profile of a deployment by its keys; `None` where there is none, or none was made."""
        return self._known.get(deployment.get("profile") or deployment.get("repository") or "")

    def _once(self, path: str, make: Deriver) -> Profile:
        if path not in self._known:
            self._known[path] = make(Path(path))
        return self._known[path]


def effort_of(profile: Profile | None, ground: EffortPolicy, *, has_preset: bool) -> EffortPolicy:
    """Returns what the profile says of effort, over what a preset says, if there is one."""
    if profile is None or not profile.template_sha256:
        return ground
    levels = {
        Effort(effort.value): {TEMPLATE_FIELD: dict(level.kwargs)} if level.kwargs else {}
        for effort, level in profile.effort.levels.items()
    }
    thinks = ground.thinks if has_preset else bool(profile.reasoning.open or levels)
    return replace(ground, supported=(), levels=levels, thinks=thinks)


def detection_of(profile: Profile | None, ground: Detection, *, has_preset: bool) -> Detection:
    """Returns how thoughts are told from output; a preset knows more of its family than the template shows."""
    if profile is None or has_preset or not profile.reasoning.open:
        return ground
    marker = Marker(open=profile.reasoning.open, close=profile.reasoning.close)
    if not profile.reasoning.starts_open:
        return Detection(markers=(marker,))
    return Detection(markers=(marker,), initial=Channel.REASONING, unclosed=UnclosedPolicy.PROMOTE)


def messages_of(profile: Profile | None) -> Normalization:
    """Returns how conversations are put for the template."""
    if profile is None:
        return AS_GIVEN
    known = profile.messages
    return Normalization(
        developer=known.developer,
        parts=known.parts,
        null_content=known.null_content,
        tool_arguments=known.tool_arguments,
        system=known.system,
        alternation=known.alternation,
    )
