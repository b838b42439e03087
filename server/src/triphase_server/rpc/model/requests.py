"""Wire to values: a `ValidateModelConfigRequest` as a question to the validator, with every rule checked.

Rule: what a caller declares is bounded here before any process is started; what is wrong *in* a repository is a finding
and never refused. Paths of the caller's are names only: nothing of this machine is opened by them.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from triphase.model.v1 import File, Files, ValidateModelConfigRequest, model_config_service_pb2
from triphase_model.validator.apart.question import Question, Sent, Stored
from triphase_model.validator.catalog import is_prefix
from triphase_model.validator.checking import Selection
from triphase_model.validator.findings import EVERY_ENGINE, Engine
from triphase_model.validator.source import LONGEST_PATH, MOST_FILES, is_inside

from triphase_server.rpc.violations import Violations

ENGINES: Final[Mapping[Engine, "model_config_service_pb2.Engine.ValueType"]] = {
    Engine.VLLM: model_config_service_pb2.ENGINE_VLLM,
    Engine.SGLANG: model_config_service_pb2.ENGINE_SGLANG,
    Engine.TRANSFORMERS: model_config_service_pb2.ENGINE_TRANSFORMERS,
    Engine.LLAMA_CPP: model_config_service_pb2.ENGINE_LLAMA_CPP,
    Engine.TGI: model_config_service_pb2.ENGINE_TGI,
    Engine.FRIENDLI: model_config_service_pb2.ENGINE_FRIENDLI,
}
_MOST_PREFIXES: Final = 200
# A million terabytes: more than any file has, and far below what arithmetic of 64 bits would wrap at.
_LARGEST_FILE: Final = 10**18
_PATH: Final = f"must be a path inside the repository, with forward slashes and at most {LONGEST_PATH} characters"
_NAME: Final = f"must have from 1 to {LONGEST_PATH} characters"
_SIZE: Final = f"must be 0, or at least the number of bytes of content, and at most {_LARGEST_FILE}"


def to_question(request: ValidateModelConfigRequest, *, roots: tuple[str, ...]) -> Question:
    """Returns what is asked, of repositories below `roots` where one is named; raises InvalidRequest."""
    violations = Violations()
    selection = Selection(
        select=_prefixes(request.select, "select", violations),
        ignore=_prefixes(request.ignore, "ignore", violations),
        engines=_engines(request.engines, violations),
    )
    repository = _repository(request, roots, violations)
    violations.raise_any()
    return Question(repository=repository, selection=selection)


def _repository(request: ValidateModelConfigRequest, roots: tuple[str, ...], violations: Violations) -> Sent | Stored:
    match request.WhichOneof("repository"):
        case "files":
            return _sent(request.files, violations)
        case "stored_repository":
            violations.check(_is_path(request.stored_repository), "stored_repository", _PATH)
        case _:
            violations.add("repository", "must be files or stored_repository")
    return Stored(name=request.stored_repository, roots=roots)


def _sent(files: Files, violations: Violations) -> Sent:
    count = len(files.files) + len(files.escaping_links) + len(files.irregular)
    with violations.within("files"):
        violations.check(bool(files.files), "files", "must have at least one file")
        violations.check(count <= MOST_FILES, "", f"must have at most {MOST_FILES} files and links")
        if count <= MOST_FILES:
            _check_files(files.files, violations)
            _check_paths(files.escaping_links, "escaping_links", violations)
            _check_paths(files.irregular, "irregular", violations)
    return Sent(
        files={file.path: file.content for file in files.files},
        sizes={file.path: file.size for file in files.files},
        escaping=tuple(files.escaping_links),
        odd=tuple(files.irregular),
    )


def _check_files(files: Iterable[File], violations: Violations) -> None:
    seen: set[str] = set()
    for index, file in enumerate(files):
        with violations.within(f"files[{index}]"):
            violations.check(_is_path(file.path), "path", _PATH)
            violations.check(file.path not in seen, "path", "must be there once")
            whole = not file.size or len(file.content) <= file.size <= _LARGEST_FILE
            violations.check(whole, "size", _SIZE)
        seen.add(file.path)


def _check_paths(paths: Iterable[str], field: str, violations: Violations) -> None:
    for index, path in enumerate(paths):
        violations.check(0 < len(path) <= LONGEST_PATH, f"{field}[{index}]", _NAME)


def _is_path(path: str) -> bool:
    return len(path) <= LONGEST_PATH and is_inside(path)


def _prefixes(given: Collection[str], field: str, violations: Violations) -> tuple[str, ...]:
    violations.check(len(given) <= _MOST_PREFIXES, field, f"must have at most {_MOST_PREFIXES} items")
    asked = tuple(prefix.upper() for prefix in given)[:_MOST_PREFIXES]
    for index, prefix in enumerate(asked):
        known = bool(prefix) and is_prefix(prefix)
        violations.check(known, f"{field}[{index}]", "must be the beginning of a rule's code, such as V or T01")
    return asked


def _engines(given: Iterable["model_config_service_pb2.Engine.ValueType"], violations: Violations) -> frozenset[Engine]:
    by_number = {number: engine for engine, number in ENGINES.items()}
    asked = list(given)
    for index, number in enumerate(asked):
        violations.check(number in by_number, f"engines[{index}]", "must be one of the known engines")
    return frozenset(by_number[number] for number in asked if number in by_number) or EVERY_ENGINE
