"""The keys of `[validation]`: who may have model repositories checked over the network, which, and how many at once.

Rule: every number bounds something, so none is 0 but those that say so. What is done with them is
`core/validation.py`; the other keys are in `schema.py`.
"""

from typing import Annotated

from pydantic import Field

from triphase_server.config.fields import Table, expected
from triphase_server.config.kinds import Connections, Folder, Seconds
from triphase_server.core.validation import ValidationPolicy

_POLICY = ValidationPolicy()

_Places = Annotated[int, Field(ge=1, le=1_000), expected("a whole number from 1 to 1000")]


class ValidationTable(Table):
    """`[validation]`: checks of model repositories that callers ask for."""

    enabled: bool = Field(default=_POLICY.enabled, description="Whether callers may have repositories checked")
    roots: list[Folder] = Field(default=[], description="Folders whose repositories may be named")
    max_concurrency: _Places = Field(default=_POLICY.max_concurrency, description="The most checks at once")
    max_queue: Connections = Field(
        default=_POLICY.max_queue, description="The most that wait for a place; 0 = none waits"
    )
    max_wait_s: Seconds = Field(default=_POLICY.max_wait_s, description="The longest that one waits for a place")
    max_s: Seconds = Field(default=_POLICY.max_s, description="The longest that one check takes")

    def policy(self) -> ValidationPolicy:
        """Returns what is allowed."""
        return ValidationPolicy(**self.model_dump() | {"roots": tuple(self.roots)})
