"""The keys of `[deployments.NAME.messages]`: what a model's chat template cannot take, and how it is put instead.

Rule: nothing is changed unless a key says so, and each is named after what it concerns. What is done is
`core/normalization.py`; the other keys of a deployment are in `schema_deployment.py`.
"""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from triphase_server.config.fields import Table, expected
from triphase_server.core.normalization import (
    AS_GIVEN,
    Alternation,
    Developer,
    Normalization,
    NullContent,
    Parts,
    System,
    ToolArguments,
)


class MessagesTable(Table):
    """`[deployments.NAME.messages]`: how conversations are put for the model's chat template."""

    developer: Annotated[Developer, expected("keep or system")] = Field(
        default=AS_GIVEN.developer, description="What becomes of developer turns"
    )
    parts: Annotated[Parts, expected("keep or text")] = Field(
        default=AS_GIVEN.parts, description="What becomes of turns with several texts"
    )
    null_content: Annotated[NullContent, expected("keep or empty")] = Field(
        default=AS_GIVEN.null_content, description="What stands where a turn holds tool calls alone"
    )
    tool_arguments: Annotated[ToolArguments, expected("keep or object")] = Field(
        default=AS_GIVEN.tool_arguments, description="What becomes of the arguments of tool calls"
    )
    system: Annotated[System, expected("one of keep, merge, user")] = Field(
        default=AS_GIVEN.system, description="Where the text of system turns stands"
    )
    alternation: Annotated[Alternation, expected("keep or merge")] = Field(
        default=AS_GIVEN.alternation, description="What becomes of neighbouring turns of one role"
    )

    def over(self, ground: Normalization) -> Normalization:
        """Returns `ground` with the keys that the file sets in place of its own."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return replace(ground, **own) if own else ground
