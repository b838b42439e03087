"""What engines make of the field `reasoning_effort`: which variables of the template they set to what.

Rule: one row for each engine, as read in its source or documentation, with the version; what is not known of one that
shows no source is said. Only variables that the template declares can matter, so that an engine which filters by them
and one that does not come to the same prompt. What a template makes of the variables is rendered, not guessed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from triphase_model.effort.profile import Effort, EngineView, Scalar
from triphase_model.effort.settings import UNSET, Fingerprint, Rendered, Setting, setting_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRules:
    """One engine. `sets` tells the variables for an effort, None for a request without one; `source` is where from.

    `accepts` are the efforts that its API takes, `budget` its own field that ends thoughts, empty if it has none, and
    `needs` what that field needs of the server.
    """

    sets: Callable[[Effort | None], Mapping[str, Scalar]]
    source: str
    accepts: frozenset[Effort] = frozenset(Effort)
    budget: str = ""
    needs: str = ""


def _vllm(effort: Effort | None) -> Mapping[str, Scalar]:
    return {} if effort is None else {"reasoning_effort": effort.value, "enable_thinking": effort is not Effort.NONE}


def _sglang(effort: Effort | None) -> Mapping[str, Scalar]:
    if effort is None:
        return {}
    thinks = effort is not Effort.NONE
    values: dict[str, Scalar] = {"reasoning_effort": effort.value, "enable_thinking": thinks, "thinking": thinks}
    # Kimi-K3's variable, with the words that it knows; Nemotron-3 Super's only degree.
    if effort in (Effort.LOW, Effort.HIGH, Effort.MAX):
        values["thinking_effort"] = effort.value
    if effort is Effort.LOW:
        values["low_effort"] = True
    return values


def _llama_cpp(effort: Effort | None) -> Mapping[str, Scalar]:
    thinks: dict[str, Scalar] = {"enable_thinking": effort is not Effort.NONE}
    return thinks if effort is None else {"reasoning_effort": effort.value, "reasoning_strength": effort.value} | thinks


def _friendli(effort: Effort | None) -> Mapping[str, Scalar]:
    return {} if effort is None else {"reasoning_effort": effort.value}


ENGINES: Final[Mapping[str, EngineRules]] = MappingProxyType(
    {
        "vllm": EngineRules(
            sets=_vllm,
            source="vLLM 0.33 sets reasoning_effort if the template declares it, and enable_thinking, false for none",
            budget="thinking_token_budget",
            needs="--reasoning-parser or --reasoning-config",
        ),
        "sglang": EngineRules(
            sets=_sglang,
            source="SGLang 0.5.23 sets reasoning_effort, and thinking and enable_thinking, false for none",
            budget="custom_params.thinking_budget",
            needs="a custom logit processor for the model's family",
        ),
        "llama.cpp": EngineRules(
            sets=_llama_cpp,
            source="llama.cpp 0c1e570 sets reasoning_effort, reasoning_strength, and enable_thinking, false for none",
            budget="thinking_budget_tokens",
        ),
        "friendli": EngineRules(
            sets=_friendli,
            source="Friendli is taken to set reasoning_effort, as documented; its source is not public",
            accepts=frozenset(Effort) - {Effort.NONE},
            budget="reasoning_budget",
        ),
    }
)


def setting_on(engine: EngineRules, effort: Effort | None, declared: Iterable[str]) -> Setting:
    """What an engine sets for an effort, as far as the template declares it."""
    known = frozenset(declared)
    return setting_of({name: value for name, value in engine.sets(effort).items() if name in known})


def settings_on_all(declared: Iterable[str]) -> list[Setting]:
    """What any of the engines sets for any effort, or for none."""
    known = frozenset(declared)
    found = [setting_on(engine, effort, known) for engine in ENGINES.values() for effort in (None, *Effort)]
    return [setting for setting in dict.fromkeys(found) if setting != UNSET]


def view(engine: EngineRules, declared: Iterable[str], made: Rendered) -> EngineView:
    """Which efforts the engine can tell apart, given the renderings of what it sets."""
    known = frozenset(declared)
    settings = {effort: setting_on(engine, effort, known) for effort in Effort}
    refused = tuple(e for e in Effort if e not in engine.accepts or made.failed(settings[e]))
    classes: dict[Fingerprint, list[Effort]] = {}
    for effort in Effort:
        if effort not in refused:
            classes.setdefault(made.fingerprint(settings[effort]), []).append(effort)
    default = classes.get(made.fingerprint(setting_on(engine, None, known)), [""])[0]
    return EngineView(classes=tuple(map(tuple, classes.values())), refused=refused, default=default)
