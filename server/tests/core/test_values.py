"""The small values of core: what they say of themselves."""

from triphase_server.core.errors import InvalidRequest, Stage, UpstreamOverloaded, Violation
from triphase_server.core.request import (
    GenerationRequest,
    ImagePart,
    Message,
    Role,
    TextPart,
    Tool,
    ToolCall,
    estimated_tokens,
)


def test_the_message_of_an_invalid_request_names_the_first_violations() -> None:
    violations = tuple(Violation(field=f"f{n}", description="is wrong") for n in range(5))
    assert InvalidRequest(violations[:1]).message == "invalid request: f0: is wrong"
    assert InvalidRequest(violations).message.endswith("f2: is wrong; and 2 more")
    assert InvalidRequest((Violation(field="", description="no message"),)).message == "invalid request: no message"


def test_an_upstream_error_tells_its_stage() -> None:
    error = UpstreamOverloaded("full", stage=Stage.CONNECT, metadata={"http_status": "503"}, retry_after_s=1)
    assert error.metadata == {"http_status": "503", "stage": "connect"}
    assert error.retry_after_s == 1


def test_tokens_are_estimated_by_a_quarter_of_the_characters_rounded_up() -> None:
    message = Message(
        role=Role.ASSISTANT,
        content=(TextPart("x" * 5), ImagePart("data:")),
        tool_calls=(ToolCall(id="1", name="ab", arguments="{}"),),
    )
    request = GenerationRequest(model="m", messages=(message,), tools=(Tool(name="f", description="gg"),))
    assert estimated_tokens(request) == 3
    assert estimated_tokens(GenerationRequest(model="m", messages=())) == 0
