"""Faults of the defaults of generation."""

from typing import Final

from repositories.clean import added_id
from repositories.editing import Change, fault, setting


def _generation(key: str, value: object) -> Change:
    return setting("generation_config.json", key, to=value)


FAULTS: Final = (
    fault("G01", "a negative temperature", _generation("temperature", -1)),
    fault("G01", "more than all", _generation("top_p", 1.5)),
    fault("G01", "a text", _generation("top_k", "20")),
    fault("G01", "no penalty", _generation("repetition_penalty", 0)),
    fault("G02", "no sampling", _generation("do_sample", False)),
    fault("G02", "a temperature alone", _generation("temperature", 0.6), base="reference"),
    fault("G03", "the temperature 0", _generation("temperature", 0)),
    fault("G04", "none", _generation("max_new_tokens", 0)),
    fault("G05", "sixteen", _generation("max_new_tokens", 16)),
    fault("G06", "twenty", _generation("max_length", 20)),
    fault("G07", "in the other file", setting("config.json", "temperature", to=0.7)),
    fault("G08", "no cache", setting("config.json", "use_cache", to=False)),
    fault("G09", "a forbidden end", _generation("suppress_tokens", [3, added_id("<|im_end|>")])),
    fault("G10", "three of the same", _generation("num_return_sequences", 3), base="reference"),
)
