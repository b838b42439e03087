"""Ninety single faults that were made in a repository of the Qwen3 family and loaded by transformers 5.23, one by one.

Each has its number there, what was done, and the rule that must tell it. None stands where the fault is healthy, and a
text where nothing static can see it. The order and numbers are those of the measurement.
"""

from typing import Any, Final

from repositories.clean import HIDDEN, ROWS, SHARDS, added_id
from repositories.editing import (
    Change,
    deleting,
    dropping,
    reheading,
    replacing,
    retensoring,
    setting,
    writing,
)
from repositories.faults.architecture import FAULTS as ARCHITECTURE
from repositories.faults.weights import FAULTS as WEIGHTS

_IN: Final = "config.json"
_GEN: Final = "generation_config.json"
_TOK: Final = "tokenizer.json"
_SET: Final = "tokenizer_config.json"
_JINJA: Final = "chat_template.jinja"
_INDEX: Final = "model.safetensors.index.json"
_LOOP: Final = "{%- for message in messages -%}"
_END: Final = added_id("<|endoftext|>")
_NORM: Final = "model.norm.weight"
NUMBERS: Final = "only a pass over all numbers sees it, and only headers are read"


def _config(key: str, value: Any) -> tuple[Change, ...]:
    return (setting(_IN, key, to=value),)


def _gen(key: str, value: Any) -> tuple[Change, ...]:
    return (setting(_GEN, key, to=value),)


def _of(table: Any, name: str) -> tuple[Change, ...]:
    """The changes of a fault that has another name in its family's table."""
    changes: tuple[Change, ...] = next(fault.changes for fault in table if fault.name == name)
    return changes


def _no_numbers(files: dict[str, bytes]) -> None:
    """Fills all tensors of a file with NaN of bfloat16; its header stays as it is."""
    data = files[SHARDS[0]]
    length = 8 + int.from_bytes(data[:8], "little")
    files[SHARDS[0]] = data[:length] + b"\xc0\x7f" * ((len(data) - length) // 2)


def _plain_specials(files: dict[str, bytes]) -> None:
    replacing(_TOK, '"special": true', '"special": false')(files)


_ONLY_END: Final = (
    *_config("eos_token_id", _END),
    *_gen("eos_token_id", _END),
    setting(_SET, "eos_token", to="<|endoftext|>"),
)
_BLOCKED: Final = "{%- set x = [] -%}{%- set _ = x.append(1) -%}"
_BEGINS: Final = (setting(_SET, "add_bos_token", to=True), setting(_SET, "bos_token", to="<|endoftext|>"),
                  replacing(_JINJA, _LOOP, "{{- bos_token -}}" + _LOOP))  # fmt: skip
_FLOAT: Final = {"quant_method": "gptq", "bits": 4}
_OTHER: Final = "{% for m in messages %}{{ m.content }}{% endfor %}"

KNOWN: Final[tuple[tuple[int, str, str | None, tuple[Change, ...]], ...]] = (
    (0, "baseline", None, ()),
    (1, "template removed", "C01", (deleting(_JINJA),)),
    (2, "template syntax error", "C04", (writing(_JINJA, "{% if"),)),
    (3, "unknown filter", "C05", (replacing(_JINJA, _LOOP, "{{ 1 | from_json }}" + _LOOP),)),
    (4, "list.append", "C06", (replacing(_JINJA, _LOOP, _BLOCKED + _LOOP),)),
    (5, "add_generation_prompt ignored", "C11", (replacing(_JINJA, "add_generation_prompt", "false"),)),
    (6, "tokens of another family", "C13", (replacing(_JINJA, "<|im_end|>", "<|eot_id|>"),)),
    (7, "vocab_size of the tokenizer", "V01", _config("vocab_size", 260)),
    (8, "vocab_size one too small", "V01", _config("vocab_size", ROWS - 1)),
    (9, "vocab_size 64 too large", "V01", _config("vocab_size", ROWS + 64)),
    (10, "rows below the highest id", "V03", (
        retensoring(SHARDS[0], lambda t: t.update({"model.embed_tokens.weight": ("BF16", (264, HIDDEN))})),
        retensoring(SHARDS[1], lambda t: t.update({"lm_head.weight": ("BF16", (264, HIDDEN))})),
        *_config("vocab_size", 264))),
    (11, "added token beyond rows", "V03", (setting(_TOK, "added_tokens", 8, "id", to=999),)),
    (12, "eos out of range", "V04", _gen("eos_token_id", 99999)),
    (13, "eos is a letter", "T04", (*_config("eos_token_id", 40), *_gen("eos_token_id", 40))),
    (14, "eos only the end of text", "T01", _ONLY_END),
    (15, "eos text not in the vocabulary", "V06", (setting(_SET, "eos_token", to="<|nowhere|>"),)),
    (16, "eos a text", "T03", _config("eos_token_id", "262")),
    (17, "bos without its text", None, _config("bos_token_id", added_id("<|im_start|>"))),
    (18, "pad -1", "T05", _gen("pad_token_id", -1)),
    (19, "no padding", "T06", (dropping(_GEN, "pad_token_id"), setting(_SET, "pad_token", to=None))),
    (20, "no generation configuration", "F11", (deleting(_GEN),)),
    (21, "temperature 0 with sampling", "G03", _gen("temperature", 0)),
    (22, "temperature -1", "G01", _gen("temperature", -1)),
    (23, "top_p 1.5", "G01", _gen("top_p", 1.5)),
    (24, "temperature without sampling", "G02", _gen("do_sample", False)),
    (25, "max_new_tokens 0", "G04", _gen("max_new_tokens", 0)),
    (26, "max_length 20", "G06", _gen("max_length", 20)),
    (27, "class of Llama", "K02", (setting(_SET, "tokenizer_class", to="LlamaTokenizer"),)),
    (28, "class unknown", "K15", (setting(_SET, "tokenizer_class", to="FooTokenizer"),)),
    (29, "no tokenizer", "F10", (deleting(_TOK),)),
    (30, "ids of two files disagree", "V05", (setting(_SET, "added_tokens_decoder", "261", "content", to="zq"),)),
    (31, "special tokens are not", "V07", (_plain_specials,)),
    (32, "no special tokens", "V06", (setting(_TOK, "added_tokens", to=[]), dropping(_SET, "added_tokens_decoder"))),
    (33, "model_max_length 1e30", None, (setting(_SET, "model_max_length", to=1e30),)),
    (34, "model_max_length 512", "K10", (setting(_SET, "model_max_length", to=512),)),
    (35, "class of Llama", "A03", _config("architectures", ["LlamaForCausalLM"])),
    (36, "type llama", "A04", _config("model_type", "llama")),
    (37, "no class", "A02", (dropping(_IN, "architectures"),)),
    (38, "no type", "A01", (dropping(_IN, "model_type"),)),
    (39, "type unknown", "A03", _config("model_type", "nobody")),
    (40, "a layer more", "A05", _config("num_hidden_layers", 4)),
    (41, "a layer less", "A06", _config("num_hidden_layers", 2)),
    (42, "heads", "A22", _config("num_attention_heads", 8)),
    (43, "key heads", "A23", _config("num_key_value_heads", 4)),
    (44, "key heads that do not divide", "A25", _config("num_key_value_heads", 3)),
    (45, "no head_dim", "A24", (dropping(_IN, "head_dim"),)),
    (46, "hidden_size", "A20", _config("hidden_size", 128)),
    (47, "intermediate_size", "A21", _config("intermediate_size", 256)),
    (48, "rms_norm_eps 1e-2", "A48", _config("rms_norm_eps", 1e-2)),
    (49, "rope_theta 10000", "R12", _config("rope_theta", 10000)),
    (50, "llama3 without keys", "R01", _config("rope_scaling", {"rope_type": "llama3", "factor": 8.0})),
    (51, "yarn with another factor", "R05", _config("rope_scaling", {
        "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 10240})),
    (52, "unknown scaling", "R02", _config("rope_scaling", {"rope_type": "nothing", "factor": 2.0})),
    (53, "the old name of the kind", None, _config("rope_scaling", {"type": "linear", "factor": 2.0})),
    (54, "dtype bogus", "A45", _config("torch_dtype", "bogus")),
    (55, "dtype float32", "A46", _config("torch_dtype", "float32")),
    (56, "tied, and another one stored", "A12", _config("tie_word_embeddings", True)),
    (57, "no output projection", "A11", _of(ARCHITECTURE, "no output projection")),
    (58, "a tensor less", "A07", _of(ARCHITECTURE, "a matrix less")),
    (59, "all names with a prefix", "A08", _of(ARCHITECTURE, "a prefix of training")),
    (60, "a tensor more", "A10", _of(ARCHITECTURE, "a matrix more")),
    (61, "a file missing", "W01", (deleting(SHARDS[1]),)),
    (62, "a file cut off", "W03", _of(WEIGHTS, "a file is cut off")),
    (63, "garbage at the end", "W04", _of(WEIGHTS, "more bytes than tensors")),
    (64, "a pointer", "F07", (writing(SHARDS[1], "version https://git-lfs.github.com/spec/v1\n"),)),
    (65, "index names a tensor that is not there", "W09", (setting(_INDEX, "weight_map", "x.weight", to=SHARDS[1]),)),
    (66, "index lacks a tensor", "W10", (dropping(_INDEX, "weight_map", _NORM),)),
    (67, "index names the wrong file", "W11", (setting(_INDEX, "weight_map", _NORM, to=SHARDS[0]),)),
    (68, "total_size wrong", "W06", (setting(_INDEX, "metadata", "total_size", to=1),)),
    (69, "index without metadata", "W07", (dropping(_INDEX, "metadata"),)),
    (70, "NaN in weights", NUMBERS, (_no_numbers,)),
    (71, "layer_types too short", "A41", _config("layer_types", ["full_attention"])),
    (72, "layer_types with a bad name", "A42", _config("layer_types", ["full", "full_attention", "full_attention"])),
    (73, "a window without a size", "A43", _config("use_sliding_window", True)),
    (74, "activation unknown", "A44", _config("hidden_act", "nothing")),
    (75, "quantized by no method", "Q01", _config("quantization_config", {"bits": 4})),
    (76, "quantized on paper", "Q02", _config("quantization_config", _FLOAT)),
    (77, "code missing", "S03", _config("auto_map", {"AutoConfig": "configuration_x.X"})),
    (78, "trailing comma", "F06", (replacing(_IN, '"vocab_size": 320', '"vocab_size": 320,'),)),
    (79, "hidden_size a text", "A40", _config("hidden_size", "64")),
    (80, "vocab_size null", "A40", _config("vocab_size", None)),
    (81, "use_cache false", "G08", _config("use_cache", False)),
    (82, "two templates", "C15", (setting(_SET, "chat_template", to=_OTHER),)),
    (83, "template empty", "C03", (writing(_JINJA, ""),)),
    (84, "two beginnings", "T08", _BEGINS),
    (85, "a token with two ids", "V11", (setting(_TOK, "added_tokens", 4, "content", to="<tool_call>"),)),
    (86, "two tokens with one id", "V09", (setting(_TOK, "model", "vocab", "zq", to=5),)),
    (87, "merge unknown", "V13", (setting(_TOK, "model", "merges", 0, to="zq zq"),)),
    (88, "no format", "W13", (reheading(SHARDS[0], lambda header: header.pop("__metadata__") and None),)),
    (89, "no positions", "R09", _config("max_position_embeddings", 0)),
    (90, "an old whole file", "W08", _of(WEIGHTS, "an old whole file")),
)  # fmt: skip
