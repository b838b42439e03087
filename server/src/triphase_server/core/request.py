"""What a caller asks for, as frozen values that are known to be valid: `rpc/requests.py` is where they are checked.

`None` and empty tuples mean "not set": the engine's own default. How these become an engine's JSON body is
`upstream/body.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Who speaks; the values are those of the OpenAI API."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Effort(StrEnum):
    """How long to think, in rising order; the values are those of the OpenAI API."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class SummaryDetail(StrEnum):
    """How much of the thoughts the reasoning summary keeps."""

    NONE = "none"
    CONCISE = "concise"
    AUTO = "auto"
    DETAILED = "detailed"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of text. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture by URL (`http`, `https` or `data`); `detail` is empty or `low`, `high`, `auto`."""

    url: str
    detail: str = ""


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model made in an earlier turn; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of the conversation."""

    role: Role
    content: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters_schema` is the text of a JSON object, or empty."""

    name: str
    description: str = ""
    parameters_schema: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The one tool that the model must call."""

    name: str


class ToolChoiceMode(StrEnum):
    """Whether tools are called; the values are those of the OpenAI API."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class JsonObject:
    """Asks for any JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchema:
    """Asks for JSON that fits a schema, given as the text of a JSON object."""

    name: str
    schema: str
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn; the field names are those of the engines' request body."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """How the model is to think; `max_tokens` and `minimum_tokens` 0 = no bound."""

    effort: Effort | None = None
    max_tokens: int = 0
    minimum_tokens: int = 0
    summary: SummaryDetail = SummaryDetail.AUTO
    include_raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One request for a response; `extra_body` is JSON-like, with integral numbers already as `int`."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoiceMode | NamedTool | None = None
    response_format: JsonObject | JsonSchema | None = None
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    max_output_tokens: int = 0
    reasoning: Reasoning = Reasoning()
    extra_body: Mapping[str, object] = field(default_factory=dict)
    client_request_id: str = ""
    accept_restarts: bool = False
    affinity_key: str = ""


def estimated_tokens(request: GenerationRequest) -> int:
    """Returns about how many tokens the prompt has, for engines that do not count: a quarter of its characters.

    Pictures and what the chat template adds are not in it.
    """
    turns = sum(len(part.text) for turn in request.messages for part in turn.content if isinstance(part, TextPart))
    calls = sum(len(call.name) + len(call.arguments) for turn in request.messages for call in turn.tool_calls)
    tools = sum(len(tool.name) + len(tool.description) + len(tool.parameters_schema) for tool in request.tools)
    return -(-(turns + calls + tools) // 4)
