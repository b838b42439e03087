"""Family K: the tokenizer's class and pipeline, and what it does to a text before and after its ids.

Rule: what changes a text in silence is told; a class that is wrong and is not used, because `tokenizer.json` is there,
is only worth knowing. Ids are `vocabulary.py`.
"""

from collections.abc import Iterator
from typing import Final

from triphase_model.validator.documents import Document, Node
from triphase_model.validator.findings import Engine, Problem, Severity
from triphase_model.validator.fixes import Fix, Remedy, RemoveValue, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule

_OLD: Final = frozenset({Engine.TRANSFORMERS, Engine.VLLM, Engine.SGLANG, Engine.TGI})
_GENERIC: Final = "PreTrainedTokenizerFast"
# The classes of transformers for models that generate text, without the ending that tells the fast ones.
_CLASSES: Final = frozenset({
    "Barthez", "Bart", "Bert", "Blenderbot", "Bloom", "CodeGen", "CodeLlama", "Cohere", "CpmAnt", "Cpm", "DeepseekV2",
    "GPT2", "GPTNeoX", "GPTNeoXJapanese", "GPTSw3", "Gemma", "Gemma4", "GlmAsr", "Helium", "Herbert", "Jamba", "Llama",
    "Llama4", "M2M100", "MBart", "Marian", "Mistral", "MistralCommon", "Mluke", "Nllb", "OpenAIGPT", "Pegasus", "Phi",
    "Qwen", "Qwen2", "Qwen3", "Roberta", "Seamless", "Siglip", "T5", "Whisper", "XGLM", "XLMRoberta", "XLNet", "Yi",
    "PreTrained", "InternLM", "InternLM2", "Baichuan", "ChatGLM", "ChatGLM4", "Falcon", "RWKV", "TikToken", "Exaone",
})  # fmt: skip
# Classes that load any `tokenizer.json`, and endings that every class of transformers has.
_ENDINGS: Final = ("Tokenizer", "TokenizerFast", "TokenizersBackend", "SentencePieceBackend", "PythonBackend")


def _pipeline(repository: Repository) -> Document:
    return repository.vocabulary.tokenizer


def _settings(repository: Repository) -> Document:
    return repository.vocabulary.config


def _parts(node: Node) -> Iterator[Node]:
    """A step of the pipeline and all steps inside it."""
    if node.given:
        yield node
    for key in ("pretokenizers", "normalizers", "decoders", "processors"):
        for item in node[key].items():
            yield from _parts(item)


def _is_byte_level(repository: Repository) -> bool:
    return any(part["type"].text == "ByteLevel" for part in _parts(_pipeline(repository)["pre_tokenizer"]))


def _no_class(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["tokenizer_class"]
    if node.given and not (node.text or "").endswith(_ENDINGS) and not _settings(repository)["auto_map"].given:
        message = f"tokenizer_class is {node.says.says}, which is no tokenizer of transformers"
        way = Remedy(
            edits=(SetValue(file=node.file, pointer=node.pointer, value=_GENERIC),),
            why="it loads any tokenizer.json as it is",
        )
        yield Problem(message=message, at=node.at, evidence=(node.says,), fix=Fix(ways={"generic": way}))


def _rare_class(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["tokenizer_class"]
    name = (node.text or "").removesuffix("Fast").removesuffix("Tokenizer")
    own_code = _settings(repository)["auto_map"].given
    if not (node.text or "").endswith(("Tokenizer", "TokenizerFast")) or name in _CLASSES or own_code:
        return
    message = f"{node.text} is no class that we know: transformers 4 refuses one that it does not know, 5 ignores it"
    yield Problem(message=message, at=node.at, evidence=(node.says,))


def _llama_class(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["tokenizer_class"]
    if node.text not in ("LlamaTokenizer", "LlamaTokenizerFast") or not _is_byte_level(repository):
        return
    slow = node.text == "LlamaTokenizer"
    yield Problem(
        message=f"{node.text} is declared, but tokenizer.json splits by bytes as no Llama tokenizer does",
        at=node.at,
        evidence=(node.says, _pipeline(repository)["pre_tokenizer"].says),
        severity=Severity.WARNING if slow else Severity.INFO,
        fix=automatic(
            SetValue(file=node.file, pointer=node.pointer, value=_GENERIC), why="it loads tokenizer.json as it is"
        ),
    )


def _new_class(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["tokenizer_class"]
    if node.text == "TokenizersBackend":
        message = "the class TokenizersBackend is known from transformers 5 on"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _list_of_specials(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["extra_special_tokens"]
    if node.length is not None:
        message = "extra_special_tokens is a list, which transformers 4 does not load"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _no_decoder(repository: Repository) -> Iterator[Problem]:
    node, step = _pipeline(repository)["decoder"], _pipeline(repository)["pre_tokenizer"]
    if not node.given and _is_byte_level(repository):
        value: JsonValue = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
        edit = SetValue(file=node.file, pointer=node.pointer, value=value)
        yield Problem(
            message="texts are split by bytes and nothing joins them: users read \u0120 for spaces",
            at=node.at,
            evidence=(node.says, step.says),
            fix=automatic(edit, why="it is the reverse of the step that splits"),
        )


def _cuts(repository: Repository) -> Iterator[Problem]:
    yield from _set_to_null(_pipeline(repository)["truncation"], "prompts are cut to a length in silence")


def _pads(repository: Repository) -> Iterator[Problem]:
    yield from _set_to_null(_pipeline(repository)["padding"], "prompts are filled up to a length")


def _set_to_null(node: Node, message: str) -> Iterator[Problem]:
    if node.given:
        edit = SetValue(file=node.file, pointer=node.pointer, value=None)
        fix = automatic(edit, why="it is left over from training; servers cut and pad by themselves")
        yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _lowers(repository: Repository) -> Iterator[Problem]:
    for part in _parts(_pipeline(repository)["normalizer"]):
        kind = part["type"].text
        if kind == "Lowercase" or (kind == "BertNormalizer" and part["lowercase"].flag):
            message = "all texts become lower case before the model sees them"
            yield Problem(message=message, at=part.at, evidence=(part.says,))


def _no_length(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["model_max_length"]
    if node.given and (node.number is None or node.number < 1):
        yield Problem(message=f"model_max_length is {node.says.says}", at=node.at, evidence=(node.says,))


def _short_length(repository: Repository) -> Iterator[Problem]:
    node, positions = _settings(repository)["model_max_length"], repository.config["max_position_embeddings"]
    if node.number is None or not positions.number or not 1 <= node.number < positions.number:
        return
    way = Remedy(
        edits=(SetValue(file=node.file, pointer=node.pointer, value=positions.value),),
        why="the model has so many positions",
        risk="if the model was trained on shorter texts only, it answers worse on longer ones",
    )
    yield Problem(
        message=f"the tokenizer allows {node.number:.0f} of {positions.number:.0f} positions; vLLM takes the smaller",
        at=node.at,
        evidence=(node.says, positions.says),
        # Makers often allow somewhat less than there is; much less is left over from training.
        severity=Severity.WARNING if node.number * 2 <= positions.number else Severity.INFO,
        fix=Fix(ways={"positions": way}),
    )


def _ends_prompts(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["add_eos_token"]
    if node.flag is True:
        edit = SetValue(file=node.file, pointer=node.pointer, value=False)
        message = "every prompt gets an end before the model answers"
        fix = automatic(edit, why="that is for training; a prompt is to be continued")
        yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _post_processed_end(repository: Repository) -> Iterator[Problem]:
    single = _pipeline(repository)["post_processor"]["single"]
    last = single[(single.length or 1) - 1]["SpecialToken"]["id"]
    eos = repository.vocabulary.named("eos_token")
    if last.text is not None and last.text == eos.text:
        message = "tokenizer.json puts an end behind every text"
        yield Problem(message=message, at=last.at, evidence=(last.says, eos.says))


def _drops_text(repository: Repository) -> Iterator[Problem]:
    """`dropout` is for training: with it the same text has other ids each time."""
    node = _pipeline(repository)["model"]["dropout"]
    if node.number:
        fix = automatic(SetValue(file=node.file, pointer=node.pointer, value=None), why="it is for training only")
        message = "the same text becomes other ids each time"
        yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _stray_length(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["max_length"]
    if node.given:
        fix = automatic(RemoveValue(file=node.file, pointer=node.pointer), why="servers cut by themselves")
        message = "max_length in tokenizer_config.json is left over from training and cuts texts in scripts"
        yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


RULES: Final = (
    Rule(code="K01", title="A class that is no tokenizer", severity=Severity.WARNING, check=_no_class, engines=_OLD),
    Rule(code="K02", title="A Llama class for other bytes", severity=Severity.WARNING, check=_llama_class,
         engines=_OLD),
    Rule(code="K03", title="A class of transformers 5", severity=Severity.INFO, check=_new_class, engines=_OLD),
    Rule(code="K04", title="A list that transformers 4 refuses", severity=Severity.INFO, check=_list_of_specials,
         engines=_OLD),
    Rule(code="K05", title="Nothing joins bytes", severity=Severity.ERROR, check=_no_decoder),
    Rule(code="K06", title="Prompts are cut", severity=Severity.WARNING, check=_cuts),
    Rule(code="K07", title="Prompts are padded", severity=Severity.WARNING, check=_pads),
    Rule(code="K08", title="Texts lose their case", severity=Severity.WARNING, check=_lowers),
    Rule(code="K09", title="model_max_length is no length", severity=Severity.ERROR, check=_no_length),
    Rule(code="K10", title="A shorter context than the model's", severity=Severity.WARNING, check=_short_length),
    Rule(code="K11", title="Prompts end before the answer", severity=Severity.WARNING, check=_ends_prompts),
    Rule(code="K12", title="The pipeline ends every text", severity=Severity.WARNING, check=_post_processed_end),
    Rule(code="K13", title="Ids by chance", severity=Severity.WARNING, check=_drops_text),
    Rule(code="K14", title="A length left from training", severity=Severity.INFO, check=_stray_length),
    Rule(code="K15", title="A class that few know", severity=Severity.INFO, check=_rare_class, engines=_OLD),
)  # fmt: skip
