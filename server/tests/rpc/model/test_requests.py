"""What a request may declare: every rule, with the field that broke it, and nothing of this machine is looked at."""

import pytest
from triphase.model.v1 import File, Files, ValidateModelConfigRequest, model_config_service_pb2
from triphase_model.validator.apart.question import Sent, Stored
from triphase_model.validator.findings import EVERY_ENGINE, Engine
from triphase_model.validator.source import MOST_FILES
from triphase_server.core.errors import InvalidRequest
from triphase_server.rpc.model.requests import ENGINES, to_question

CONFIG = File(path="config.json", content=b"{}")
PATH = "must be a path inside the repository, with forward slashes and at most 1024 characters"
NAME = "must have from 1 to 1024 characters"
SIZE = f"must be 0, or at least the number of bytes of content, and at most {10**18}"
ROOTS = ("/models",)


def request(*files: File, **fields: object) -> ValidateModelConfigRequest:
    return ValidateModelConfigRequest(files=Files(files=files or [CONFIG]), **fields)  # type: ignore[arg-type]


def refused(message: ValidateModelConfigRequest) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as error:
        to_question(message, roots=ROOTS)
    return [(violation.field, violation.description) for violation in error.value.violations]


def test_files_arrive_with_their_sizes_links_and_odd_ones() -> None:
    files = Files(
        files=[CONFIG, File(path="a/b.safetensors", content=b"\x08", size=16_000_000_000), File(path="c", size=7)],
        escaping_links=["out"],
        irregular=["pipe"],
    )
    asked = to_question(ValidateModelConfigRequest(files=files), roots=ROOTS)
    assert asked.repository == Sent(
        files={"config.json": b"{}", "a/b.safetensors": b"\x08", "c": b""},
        sizes={"config.json": 0, "a/b.safetensors": 16_000_000_000, "c": 7},
        escaping=("out",),
        odd=("pipe",),
    )
    source = asked.repository.opened()
    assert [source.size(path) for path in source.names()] == [16_000_000_000, 7, 2]


def test_a_name_arrives_with_the_roots() -> None:
    asked = to_question(ValidateModelConfigRequest(stored_repository="Qwen/Qwen3-8B"), roots=ROOTS)
    assert asked.repository == Stored(name="Qwen/Qwen3-8B", roots=ROOTS)


def test_what_is_selected_arrives() -> None:
    engines = [model_config_service_pb2.ENGINE_VLLM, model_config_service_pb2.ENGINE_LLAMA_CPP]
    selection = to_question(request(engines=engines, select=["v", "T01"], ignore=["C2"]), roots=()).selection
    assert (selection.select, selection.ignore) == (("V", "T01"), ("C2",))
    assert selection.engines == {Engine.VLLM, Engine.LLAMA_CPP}
    assert to_question(request(), roots=()).selection.engines == EVERY_ENGINE


def test_every_engine_has_its_number() -> None:
    assert set(ENGINES) == set(Engine)
    assert sorted(ENGINES.values()) == [number for number in model_config_service_pb2.Engine.values() if number]


def test_an_empty_request_asks_nothing() -> None:
    assert refused(ValidateModelConfigRequest()) == [("repository", "must be files or stored_repository")]
    assert refused(ValidateModelConfigRequest(files=Files())) == [("files.files", "must have at least one file")]


@pytest.mark.parametrize("path", ["", "../x", "/etc/passwd", "a/../../b", "a//b", "C:\\x", "..\\x", "a\0b", "x" * 1025])
def test_names_that_leave_the_repository_are_refused(path: str) -> None:
    assert refused(request(File(path=path))) == [("files.files[0].path", PATH)]
    if path:
        assert refused(ValidateModelConfigRequest(stored_repository=path)) == [("stored_repository", PATH)]


@pytest.mark.parametrize("size", [-1, 1, 10**18 + 1, 2**63 - 1, -(2**63)])
def test_sizes_that_cannot_be_are_refused(size: int) -> None:
    assert refused(request(File(path="a", content=b"12", size=size))) == [("files.files[0].size", SIZE)]


def test_a_path_is_there_once() -> None:
    assert refused(request(CONFIG, CONFIG)) == [("files.files[1].path", "must be there once")]


def test_more_files_than_any_repository_has_are_refused_at_a_glance() -> None:
    files = [File(path="../x") for _ in range(MOST_FILES)]
    links = Files(files=files, escaping_links=["a"])
    assert refused(ValidateModelConfigRequest(files=links)) == [
        ("files", f"must have at most {MOST_FILES} files and links")
    ]


def test_links_and_odd_files_have_paths() -> None:
    files = Files(files=[CONFIG], escaping_links=[""], irregular=["x" * 2000])
    assert refused(ValidateModelConfigRequest(files=files)) == [
        ("files.escaping_links[0]", NAME),
        ("files.irregular[0]", NAME),
    ]


def test_rules_and_engines_that_there_are_not() -> None:
    prefix = "must be the beginning of a rule's code, such as V or T01"
    wrong = request(select=["V", "Q99"], ignore=[""], engines=[0, 1, 99])
    assert refused(wrong) == [
        ("select[1]", prefix),
        ("ignore[0]", prefix),
        ("engines[0]", "must be one of the known engines"),
        ("engines[2]", "must be one of the known engines"),
    ]
    assert refused(request(select=["V"] * 201)) == [("select", "must have at most 200 items")]


def test_everything_is_told_at_once() -> None:
    assert len(refused(request(File(path="..", size=-1), File(path=".."), select=["?"]))) == 5
