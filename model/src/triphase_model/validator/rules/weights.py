"""Family W: files of weights, by their headers and the index that joins them.

Rule: what stands in a header is believed before the index, and the sizes of files before the header. An index that is
wrong can always be written anew; a file that is broken must be fetched again. Names are judged in `architecture.py`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from triphase_model.validator.findings import Engine, Evidence, Location, Problem, Severity
from triphase_model.validator.fixes import Fix, Reheader, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.layers import is_head
from triphase_model.validator.repository import INDEX, WHOLE, Repository
from triphase_model.validator.rule import Check, Rule
from triphase_model.validator.source import is_inside
from triphase_model.validator.weights import Broken, Shard, ShardFault

_OF: Final = re.compile(r"-of-(\d+)\.safetensors$")
_HUB_HEADER_BYTES: Final = 25_000_000
_MOST_TRAILING_BYTES: Final = 1 << 20


def _broken(*faults: ShardFault) -> Check:
    """A check for files with faults of some kinds. Pointers of Git LFS are told by their own rule."""

    def check(repository: Repository) -> Iterator[Problem]:
        for shard in repository.shards.values():
            for one in shard.broken:
                if one.fault in faults:
                    yield _told(shard, one)

    return check


def _told(shard: Shard, one: Broken) -> Problem:
    return Problem(message=f"{shard.file} {one.fault}: {one.detail}", at=Location(file=shard.file))


def _trailing(repository: Repository) -> Iterator[Problem]:
    for shard in repository.shards.values():
        for one in shard.broken:
            if one.fault is ShardFault.TRAILING:
                yield replace(_told(shard, one), fix=_cut(repository, shard))


def _cut(repository: Repository, shard: Shard) -> Fix | None:
    """Zeros are what writing in blocks leaves; anything else may be a part of something that was lost."""
    end = max((tensor.end for tensor in shard.tensors.values()), default=0)
    rest = repository.source.size(shard.file) - end
    if not end or rest > _MOST_TRAILING_BYTES or len(shard.broken) > 1:
        return None
    try:
        data = repository.source.read_range(shard.file, end, rest)
    except OSError:
        return None
    if len(data) < rest or data.strip(b"\0"):
        return None
    return automatic(Reheader(file=shard.file), why="they are all zero, and no tensor has them")


def _indexed(repository: Repository) -> list[str]:
    """The files that the index names, but those that are no files of a repository at all."""
    named = {node.text for node in repository.weight_map.values() if node.text and is_inside(node.text)}
    return sorted(file for file in named if file.endswith(".safetensors"))


def _missing_files(repository: Repository) -> Iterator[Problem]:
    counts = Counter(node.text for node in repository.weight_map.values())
    for file in _indexed(repository):
        if not repository.source.has(file):
            says = Evidence(witness=INDEX, says=f"{counts[file]} tensors are in {file}")
            message = f"{file} is not there: the model does not load, or loads without these tensors"
            yield Problem(message=message, at=Location(file=file), evidence=(says,))


def _whole_index(repository: Repository) -> Fix | None:
    """The index as the headers have it; only where all files are there and can be believed.

    Nor where it names an output projection that is lost: nothing else would say that there was one.
    """
    files = _indexed(repository)
    shards = [repository.shards.get(file) for file in files]
    if not files or any(shard is None or shard.broken for shard in shards):
        return None
    names: dict[str, JsonValue] = {name: shard.file for shard in shards if shard for name in shard.tensors}
    if any(is_head(name) and name not in names for name in repository.weight_map):
        return None
    edit = SetValue(file=INDEX, pointer="/weight_map", value=dict(sorted(names.items())))
    return automatic(edit, why="the headers of the files say which tensors are where")


def _not_in_file(repository: Repository) -> Iterator[Problem]:
    held = {name for shard in repository.shards.values() for name in shard.tensors}
    gone = [
        (n, node) for n, node in repository.weight_map.items() if n not in held and _readable(repository, node.text)
    ]
    if gone:
        name, node = gone[0]
        message = f"the index names {len(gone)} tensor(s) that no file has: {name}"
        says = Evidence(witness=f"{node.text}, its header", says="has no such tensor")
        yield Problem(message=message, at=node.at, evidence=(node.says, says), fix=_whole_index(repository))


def _readable(repository: Repository, file: str | None) -> bool:
    shard = repository.shards.get(file or "")
    return shard is not None and bool(shard.tensors)


def _not_in_index(repository: Repository) -> Iterator[Problem]:
    named = repository.weight_map
    extra = [t for file in _indexed(repository) if file in repository.shards
             for t in repository.shards[file].tensors.values() if t.name not in named]  # fmt: skip
    if extra:
        message = f"{len(extra)} tensor(s) are in files that the index names, but not in the index: {extra[0].name}"
        says = Evidence(witness=f"{extra[0].file}, its header", says=f"has {extra[0].name}")
        place = repository.index["weight_map"].at
        yield Problem(message=message, at=place, evidence=(says,), fix=_whole_index(repository))


def _wrong_file(repository: Repository) -> Iterator[Problem]:
    places = {name: shard.file for shard in repository.shards.values() for name in shard.tensors}
    moved = [(name, node) for name, node in repository.weight_map.items()
             if name in places and _readable(repository, node.text)
             and name not in repository.shards[node.text or ""].tensors]  # fmt: skip
    if moved:
        name, node = moved[0]
        message = f"the index sends {len(moved)} tensor(s) to the wrong file: {name}"
        says = Evidence(witness=f"{places[name]}, its header", says=f"has {name}")
        yield Problem(message=message, at=node.at, evidence=(node.says, says), fix=_whole_index(repository))


def _twice(repository: Repository) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for file in _indexed(repository):
        for name in repository.shards[file].tensors if file in repository.shards else ():
            if name in seen:
                message = f"{name} is in {seen[name]} and in {file}"
                yield Problem(message=message, at=Location(file=file))
                return
            seen[name] = file


def _total(repository: Repository) -> Iterator[Problem]:
    node, files = repository.index["metadata"]["total_size"], _indexed(repository)
    shards = [repository.shards.get(file) for file in files]
    if node.integer is None or any(shard is None or shard.broken for shard in shards):
        return
    found = sum(t.end - t.start for shard in shards if shard for t in shard.tensors.values())
    if found != node.integer:
        edit = SetValue(file=INDEX, pointer=node.pointer, value=found)
        says = Evidence(witness="the headers", says=f"{found} bytes of tensors")
        fix = automatic(edit, why="it is the sum of all tensors")
        yield Problem(
            message="total_size is not the size of all tensors", at=node.at, evidence=(node.says, says), fix=fix
        )


def _no_metadata(repository: Repository) -> Iterator[Problem]:
    if repository.weight_map and not repository.index["metadata"].given:
        node = repository.index["metadata"]
        edit = SetValue(file=INDEX, pointer="/metadata", value={})
        message = "the index has no metadata, which loaders take for granted"
        yield Problem(message=message, at=node.at, fix=automatic(edit, why="an empty object is all that they need"))


def _stale(repository: Repository) -> Iterator[Problem]:
    files = _indexed(repository)
    totals = {match.group(1) for file in repository.shards if (match := _OF.search(file))}
    if files and WHOLE in repository.shards and WHOLE not in files:
        message = f"{WHOLE} stands beside the {len(files)} files of the index, and transformers takes it instead"
        yield Problem(message=message, at=Location(file=WHOLE), severity=Severity.ERROR)
    others = [file for file in repository.shards if files and file not in files and file != WHOLE and _OF.search(file)]
    if others or len(totals) > 1:
        message = f"files of another division are left: {', '.join((others or sorted(repository.shards))[:3])}"
        yield Problem(message=message, at=Location(file=(others or sorted(repository.shards))[0]))


def _no_index(repository: Repository) -> Iterator[Problem]:
    parts = sorted(file for file in repository.shards if _OF.search(file))
    if len(parts) > 1 and not repository.source.has(INDEX) and WHOLE not in repository.shards:
        message = f"{len(parts)} files of weights have no index that joins them"
        yield Problem(message=message, at=Location(file=INDEX))


def _no_format(repository: Repository) -> Iterator[Problem]:
    # Weights in the makers' own form may stand beside them and never have it.
    read = {WHOLE, *_indexed(repository)}
    for shard in repository.shards.values():
        if shard.tensors and shard.format is None and shard.file in read:
            message = f"{shard.file} does not say which framework its tensors are of; older loaders refuse that"
            edit = Reheader(file=shard.file, format="pt")
            fix = automatic(edit, why="the tensors of such a repository are PyTorch's; only the header changes")
            yield Problem(message=message, at=Location(file=shard.file), fix=fix)


def _long_header(repository: Repository) -> Iterator[Problem]:
    for shard in repository.shards.values():
        length = min((tensor.start for tensor in shard.tensors.values()), default=0)
        if length > _HUB_HEADER_BYTES:
            message = f"{shard.file} has a header of {length} bytes; huggingface_hub reads at most {_HUB_HEADER_BYTES}"
            yield Problem(message=message, at=Location(file=shard.file))


_WHOLE_FILE: Final = (ShardFault.SHORT, ShardFault.HEADER_SIZE, ShardFault.HEADER_JSON, ShardFault.UNREAD)

RULES: Final = (
    Rule(code="W01", title="A file of weights is missing", severity=Severity.ERROR, check=_missing_files),
    Rule(code="W02", title="No safetensors file", severity=Severity.ERROR, check=_broken(*_WHOLE_FILE)),
    Rule(code="W03", title="A file is cut off", severity=Severity.ERROR, check=_broken(ShardFault.TRUNCATED)),
    Rule(code="W04", title="Bytes after the last tensor", severity=Severity.ERROR, check=_trailing),
    Rule(code="W05", title="Tensors overlap or leave gaps", severity=Severity.ERROR,
         check=_broken(ShardFault.COVERAGE)),
    Rule(code="W06", title="total_size is wrong", severity=Severity.INFO, check=_total),
    Rule(code="W07", title="The index has no metadata", severity=Severity.ERROR, check=_no_metadata,
         engines=frozenset({Engine.TRANSFORMERS})),
    Rule(code="W08", title="Weights left from before", severity=Severity.WARNING, check=_stale),
    Rule(code="W09", title="A tensor of the index is nowhere", severity=Severity.ERROR, check=_not_in_file),
    Rule(code="W10", title="A tensor is not in the index", severity=Severity.WARNING, check=_not_in_index),
    Rule(code="W11", title="The index names the wrong file", severity=Severity.ERROR, check=_wrong_file),
    Rule(code="W12", title="A tensor is in two files", severity=Severity.WARNING, check=_twice),
    Rule(code="W13", title="No format in the header", severity=Severity.WARNING, check=_no_format,
         engines=frozenset({Engine.TRANSFORMERS})),
    Rule(code="W14", title="A tensor's entry cannot be right", severity=Severity.ERROR,
         check=_broken(ShardFault.ENTRY)),
    Rule(code="W15", title="A tensor stands twice in a header", severity=Severity.WARNING,
         check=_broken(ShardFault.DUPLICATE)),
    Rule(code="W16", title="Metadata that is not text", severity=Severity.ERROR, check=_broken(ShardFault.METADATA)),
    Rule(code="W17", title="A header too long for the hub", severity=Severity.WARNING, check=_long_header),
    Rule(code="W18", title="No index joins the files", severity=Severity.ERROR, check=_no_index),
)  # fmt: skip
