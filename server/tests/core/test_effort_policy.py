"""What a deployment can do about effort: by its template, by its engine, by bounds."""

from dataclasses import replace

import pytest
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy, on_engine
from triphase_server.core.effort_tables import DEFAULT_BUDGETS, ENGINES, Engine
from triphase_server.core.presets import PRESETS
from triphase_server.core.request import Effort

ALL = tuple(Effort)
THINKING = ALL[1:]
TOGGLE = PRESETS["qwen3"].effort
FIXED = PRESETS["deepseek-r1"].effort
GRADED = PRESETS["gpt-oss"].effort


def on(policy: EffortPolicy, engine: Engine, **extra_body: object) -> EffortPolicy:
    return on_engine(policy, engine, extra_body=extra_body)


def test_default_budgets_rise_and_the_last_is_none() -> None:
    *bounded, last = DEFAULT_BUDGETS.values()
    assert tuple(DEFAULT_BUDGETS) == THINKING
    assert bounded == sorted(set(bounded))
    assert last == 0


@pytest.mark.parametrize(
    ("policy", "efforts"),
    [
        (TOGGLE, (Effort.NONE, Effort.MEDIUM)),
        (FIXED, ()),
        (GRADED, (Effort.LOW, Effort.MEDIUM, Effort.HIGH)),
        # Whatever can bound thoughts makes every effort of those that only think or do not.
        (replace(TOGGLE, enforces=True), ALL),
        (replace(FIXED, enforces=True), ALL),
        (replace(FIXED, budget_field="b"), THINKING),
        (replace(FIXED, budget_field="thinking_token_budget"), ALL),
        # A graded model gains the effort that it lacks, and no more.
        (replace(GRADED, enforces=True), (Effort.NONE, *GRADED.supported)),
        (replace(GRADED, enforces=True, budgets={Effort.XHIGH: 9}), (Effort.NONE, *GRADED.supported, Effort.XHIGH)),
        (replace(TOGGLE, enforces=True, budgets={Effort.LOW: 9}), (Effort.NONE, Effort.LOW, Effort.MEDIUM)),
        (replace(TOGGLE, budgets={Effort.LOW: 9}), (Effort.NONE, Effort.MEDIUM)),
        (replace(FIXED, enforces=True, thinks=False), ()),
        (EffortPolicy(supported=(), levels={Effort.HIGH: {}}), (Effort.HIGH,)),
    ],
)
def test_the_efforts_that_a_request_may_ask_for(policy: EffortPolicy, efforts: tuple[Effort, ...]) -> None:
    assert policy.efforts == efforts


@pytest.mark.parametrize(
    ("engine", "field", "efforts"),
    [
        (Engine.VLLM, "thinking_token_budget", ALL),
        (Engine.LLAMA_CPP, "thinking_budget_tokens", ALL),
        (Engine.FRIENDLI, "reasoning_budget", THINKING),
        (Engine.SGLANG, "", ()),
        (Engine.OPENAI, "", ()),
    ],
)
def test_each_engine_bounds_thoughts_in_its_own_field(engine: Engine, field: str, efforts: tuple[Effort, ...]) -> None:
    policy = on(FIXED, engine)
    assert (policy.budget_field, policy.efforts) == (field, efforts)


def test_the_bound_of_sglang_needs_a_processor_that_reads_it() -> None:
    policy = on(FIXED, Engine.SGLANG, custom_logit_processor="…")
    assert (policy.budget_field, policy.efforts) == ("custom_params.thinking_budget", THINKING)


def test_every_engine_is_in_the_table() -> None:
    assert set(ENGINES) == set(Engine)


@pytest.mark.parametrize("engine", Engine)
def test_variables_of_the_template_reach_it_only_on_engines_that_pass_them(engine: Engine) -> None:
    passes = engine is not Engine.OPENAI
    assert (Effort.NONE in on(TOGGLE, engine).supported) is passes
    assert bool(on(PRESETS["kimi-k3"].effort, engine).levels) is passes
    hy3 = on(PRESETS["hy3"].effort, engine)  # whose words are those of the API, all but one
    assert hy3.told_apart == ((Effort.NONE,) if passes else ()) + (Effort.LOW, Effort.HIGH)
    assert hy3.method is (EffortMethod.TEMPLATE if passes else EffortMethod.FIELD)
    assert on(GRADED, engine).supported == GRADED.supported  # by the engine's own field
    of_the_engine = EffortPolicy(supported=(), levels={Effort.LOW: {"effort_hint": 1}})
    assert on(of_the_engine, engine).levels == of_the_engine.levels


def test_levels_in_the_words_of_the_api_go_by_its_own_field_where_nothing_else_does() -> None:
    levels = {e: {"chat_template_kwargs": {"reasoning_effort": e.value}} for e in (Effort.LOW, Effort.HIGH)}
    toggle = replace(TOGGLE, levels=levels)
    policy = on(toggle, Engine.OPENAI)
    assert (policy.supported, policy.levels) == ((Effort.LOW, Effort.HIGH), {})
    assert policy.fields(Effort.LOW) == {"reasoning_effort": "low"}
    assert on(toggle, Engine.VLLM).levels == levels


def test_an_engine_takes_away_the_words_that_it_does_not_know() -> None:
    assert on(EffortPolicy(), Engine.FRIENDLI).supported == THINKING
    assert on(EffortPolicy(), Engine.VLLM).supported == ALL
    template = EffortPolicy(method=EffortMethod.TEMPLATE)
    assert on(template, Engine.FRIENDLI).supported == ALL  # the template's own, not the engine's


def test_the_paths_of_a_policy_are_all_that_it_may_write() -> None:
    assert PRESETS["hy3"].effort.paths == {"chat_template_kwargs.reasoning_effort"}
    assert PRESETS["qwen3.8"].effort.paths == {
        "chat_template_kwargs.reasoning_effort",
        "chat_template_kwargs.enable_thinking",
    }
    assert FIXED.paths == frozenset()


def test_what_is_bound_is_turned_on_first() -> None:
    granite = replace(PRESETS["granite"].effort, enforces=True)
    assert granite.fields(Effort.LOW) == {"chat_template_kwargs": {"thinking": True}}
    assert granite.fields(Effort.NONE) == {"chat_template_kwargs": {"thinking": False}}
    assert GRADED.fields(Effort.XHIGH) == {}
    assert replace(TOGGLE, supported=(Effort.MEDIUM,)).fields(Effort.NONE) == {}
    assert TOGGLE.fields(None) == {}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("engine", Engine)
def test_every_effort_of_every_family_on_every_engine_is_one_that_something_brings_about(
    name: str, engine: Engine
) -> None:
    for enforces in (False, True):
        policy = replace(on(PRESETS[name].effort, engine), enforces=enforces)
        for effort in policy.efforts:
            told = effort in policy.told_apart or effort in policy.held
            assert told or (effort is Effort.NONE and policy.closes)
        assert policy.bounds <= policy.thinks
