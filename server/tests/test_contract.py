"""The rules of the contract that buf does not know, read from the descriptors of the generated stubs."""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from triphase.admin.v1 import admin_service_pb2
from triphase.gateway.v1 import gateway_service_pb2

MESSAGES = gateway_service_pb2.DESCRIPTOR.message_types_by_name
OPERATORS = admin_service_pb2.DESCRIPTOR.message_types_by_name
STREAM_ONLY = {"accept_restarts"}
RESPONSES = [m for messages in (MESSAGES, OPERATORS) for name, m in messages.items() if name.endswith("Response")]
# protojson writes these as strings, which a reader of JSON takes for text.
WIDE = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}


def declared(name: str) -> dict[str, bytes]:
    """Returns each field's whole declaration by its name: number, type, multiplicity and presence."""
    proto = DescriptorProto()
    MESSAGES[name].CopyToProto(proto)
    return {field.name: field.SerializeToString() for field in proto.field}


def reachable(message: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """Yields the message and every one of ours below it, once."""
    if message.full_name in seen or not message.full_name.startswith("triphase."):
        return
    seen.add(message.full_name)
    yield message
    for field in message.fields:
        if field.message_type:
            yield from reachable(field.message_type, seen)


def test_both_requests_have_the_same_fields() -> None:
    streamed, whole = declared("StreamGenerateRequest"), declared("GenerateRequest")
    assert streamed.keys() - whole.keys() == STREAM_ONLY
    assert {name: field for name, field in streamed.items() if name not in STREAM_ONLY} == whole


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.name)
def test_no_response_has_a_64_bit_integer(response: Descriptor) -> None:
    fields = [field for message in reachable(response, set()) for field in message.fields]
    assert fields
    assert [field.full_name for field in fields if field.type in WIDE] == []


def test_all_but_the_sequence_is_an_event() -> None:
    response = MESSAGES["StreamGenerateResponse"]
    assert [field.name for field in response.fields if field.containing_oneof is None] == ["sequence"]
    assert [oneof.name for oneof in response.oneofs] == ["event"]


def test_an_event_is_named_as_its_message() -> None:
    events = MESSAGES["StreamGenerateResponse"].oneofs_by_name["event"].fields
    types = [event.message_type for event in events]
    words = [re.sub(r"(?<!^)([A-Z])", r"_\1", kind.name).lower() for kind in types if kind]
    assert [event.name for event in events] == words


def test_times_are_durations() -> None:
    timings = [f for m in reachable(MESSAGES["GenerateResponse"], set()) if m.name == "Timings" for f in m.fields]
    assert timings
    assert {field.message_type.full_name for field in timings if field.message_type} == {"google.protobuf.Duration"}
    assert all(field.message_type for field in timings)
