"""The table of built-in prompt sets."""

from collections.abc import Mapping

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.builtin.chat import CHAT
from triphase_benchmark.workload.builtin.code import CODE
from triphase_benchmark.workload.builtin.draft import Draft, PromptSet
from triphase_benchmark.workload.builtin.prose import sentences
from triphase_benchmark.workload.builtin.rag_long import RAG_LONG
from triphase_benchmark.workload.builtin.reasoning import REASONING
from triphase_benchmark.workload.lengths import fixed


def _prose(chance: Chance) -> Draft:
    return Draft(begin="", filler=sentences(chance))


SYNTHETIC = PromptSet(name="synthetic", first=_prose, later=_prose, input=fixed(512), output=fixed(128))
SETS: Mapping[str, PromptSet] = {made.name: made for made in (CHAT, RAG_LONG, REASONING, CODE, SYNTHETIC)}
