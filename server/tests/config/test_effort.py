"""What a deployment's keys make of effort: preset, profile, engine and the table itself, each over the one before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from triphase_model.effort.profile import (
    Control,
    Effort,
    Level,
    Markers,
    Messages,
    NotAProfile,
    Profile,
    Status,
    write,
)
from triphase_server.config import ConfigError, files_of, format_problems, load
from triphase_server.config.effective import effective
from triphase_server.core import request
from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.normalization import Normalization, beneath
from triphase_server.core.presets import PRESETS
from triphase_server.core.route import Deployment

ALL = tuple(request.Effort)
HIGH, LOW, MEDIUM, NONE = request.Effort.HIGH, request.Effort.LOW, request.Effort.MEDIUM, request.Effort.NONE
# A model whose template has a variable of its own, opens the thought, and takes no developer turns.
THINKER = Profile(
    version=1,
    template_sha256="0" * 64,
    reasoning=Markers(open="<mull>", close="</mull>", starts_open=True),
    effort=Control(
        status=Status.GRADED,
        variable="depth",
        levels={
            Effort.LOW: Level(kwargs={"depth": 1}),
            Effort.HIGH: Level(),
        },
    ),
    messages=Messages(developer="system", null_content="empty"),
)
Loaded = Callable[..., Deployment]


@pytest.fixture
def deployment(tmp_path: Path, valid: str) -> Loaded:
    """Returns what loads a deployment with some keys of its own."""
    path = tmp_path / "gateway.toml"

    def loaded(keys: str, derive: Callable[[Path], Profile] | None = None) -> Deployment:
        path.write_text(valid.replace("[routes", f"{keys}\n[routes"), encoding="utf-8")
        return load(path, environ={}, derive=derive).routes["chat"].primary

    return loaded


def test_an_engine_gives_a_family_its_bound_and_with_it_all_efforts(deployment: Loaded) -> None:
    policy = deployment('preset = "qwen3"\nengine = "vllm"').effort
    assert policy == replace(PRESETS["qwen3"].effort, budget_field="thinking_token_budget")
    assert policy.efforts == ALL
    assert deployment('preset = "qwen3"').effort.efforts == (NONE, MEDIUM)
    assert deployment('preset = "qwen3"\nengine = "openai"').effort.efforts == ()


def test_sglang_needs_its_processor(deployment: Loaded) -> None:
    keys = 'preset = "deepseek-r1"\nengine = "sglang"\n'
    assert deployment(keys).effort.budget_field == ""
    told = deployment(f'{keys}extra_body = {{ custom_logit_processor = "…" }}')
    assert told.effort.budget_field == "custom_params.thinking_budget"
    assert told.effort.standing == told.extra_body


def test_keys_of_the_table_win_over_the_engine(deployment: Loaded) -> None:
    policy = deployment(
        """
        preset = "qwen3"
        engine = "vllm"
        effort = { budget_field = "a.b", budgets.low = 7, answer_reserve = 9, levels.low = { x = 1 } }
        """
    ).effort
    assert (policy.budget_field, policy.answer_reserve) == ("a.b", 9)
    # low goes by fields of its own now, which are another degree than thinking.
    assert (policy.levels, policy.held) == ({LOW: {"x": 1}}, {LOW: 7})


def test_budgets_lie_on_the_default_table_where_it_applies_and_can_be_none(deployment: Loaded) -> None:
    keys = 'preset = "qwen3"\nengine = "vllm"\neffort.{}'
    held = deployment(keys.format("budgets.low = 700")).effort.held
    assert (held[LOW], held[MEDIUM], held[request.Effort.MAX]) == (700, 8192, 0)
    assert deployment(keys.format("budgets = {}")).effort.efforts == (NONE, MEDIUM)
    graded = deployment('preset = "gpt-oss"\nengine = "vllm"\neffort.budgets.low = 700').effort
    assert graded.held == {LOW: 700}


def test_supported_efforts_leave_out_levels_of_the_preset(deployment: Loaded) -> None:
    policy = deployment('preset = "kimi-k3"\neffort.supported = ["none", "low"]').effort
    assert policy.efforts == (NONE, LOW)
    assert policy.fields(LOW) == {"chat_template_kwargs": {"thinking": True, "thinking_effort": "low"}}


def test_a_default_may_be_an_effort_that_a_bound_gives(deployment: Loaded, tmp_path: Path) -> None:
    keys = 'preset = "qwen3"\n{}effort.default = "low"'
    assert deployment(keys.format('engine = "vllm"\n')).effort.default is LOW
    with pytest.raises(ConfigError) as caught:
        deployment(keys.format(""))
    assert format_problems(caught.value).replace(f"{tmp_path}/", "") == (
        "gateway.toml:7: deployments.a.effort.default: expected a default that is supported (none, medium)"
    )


# Profiles.


def test_a_profile_says_what_the_template_can_do(deployment: Loaded, tmp_path: Path) -> None:
    write(THINKER, tmp_path / "model.toml")
    told = deployment('profile = "model.toml"')
    assert told.profile == str(tmp_path / "model.toml")
    assert told.effort == EffortPolicy(supported=(), levels={LOW: {"chat_template_kwargs": {"depth": 1}}, HIGH: {}})
    assert told.detection == Detection(
        markers=(Marker(open="<mull>", close="</mull>"),),
        initial=Channel.REASONING,
        unclosed=UnclosedPolicy.PROMOTE,
    )
    assert told.messages == Normalization(developer="system", null_content="empty")


def test_a_profile_counts_for_more_than_a_preset_in_effort_and_for_less_in_markers(
    deployment: Loaded, tmp_path: Path
) -> None:
    write(THINKER, tmp_path / "model.json")
    told = deployment('profile = "model.json"\npreset = "gpt-oss"\nengine = "vllm"')
    assert told.effort.efforts == (NONE, LOW, HIGH)  # none by a bound of 0
    assert told.detection == PRESETS["gpt-oss"].detection
    assert told.messages == beneath(Normalization(developer="system", null_content="empty"), engine="vllm")
    assert told.messages != Normalization(developer="system", null_content="empty")


def test_keys_count_for_more_than_a_profile(deployment: Loaded, tmp_path: Path) -> None:
    write(THINKER, tmp_path / "model.toml")
    told = deployment(
        'profile = "model.toml"\neffort.levels.low = { y = 2 }\ndetection.initial = "output"\n'
        'messages.developer = "keep"'
    )
    assert told.effort.levels == {LOW: {"y": 2}, HIGH: {}}
    assert (told.detection.initial, told.messages.developer) == (Channel.OUTPUT, "keep")


def test_what_a_profile_does_not_know_is_left_to_the_preset(deployment: Loaded, tmp_path: Path) -> None:
    write(Profile(version=1), tmp_path / "model.toml")
    told = deployment('profile = "model.toml"\npreset = "qwen3"')
    assert (told.effort, told.detection) == (PRESETS["qwen3"].effort, PRESETS["qwen3"].detection)
    assert deployment('profile = "model.toml"') == replace(
        Deployment(name="a", upstream="vllm", model="org/model"), profile=str(tmp_path / "model.toml")
    )


@pytest.mark.parametrize(
    ("markers", "preset", "efforts"),
    [(Markers(open="<a>", close="</a>"), "", ALL), (Markers(), "", ()), (Markers(), "qwen3", ALL)],
)
def test_a_template_that_knows_no_thoughts_has_none_to_bound(
    deployment: Loaded, tmp_path: Path, markers: Markers, preset: str, efforts: tuple[request.Effort, ...]
) -> None:
    write(Profile(version=1, template_sha256="0" * 64, reasoning=markers), tmp_path / "model.toml")
    keys = 'profile = "model.toml"\nengine = "vllm"\n' + (f'preset = "{preset}"' if preset else "")
    assert deployment(keys).effort.efforts == efforts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = 2", "expected the path of a model profile; its version: "),
        ("version = 1\n[effort]\nstatus = 'good'", "expected the path of a model profile; its effort.status: "),
        ("version", "expected the path of a model profile; expected TOML"),
    ],
)
def test_a_profile_that_is_none_is_told_with_its_key(
    deployment: Loaded, tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "model.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        deployment('profile = "model.toml"')
    (told,) = caught.value.problems
    assert (told.line, told.key) == (6, "deployments.a.profile")
    assert told.message.startswith(problem)


def test_a_profile_is_watched_as_the_file_is(deployment: Loaded, tmp_path: Path) -> None:
    write(THINKER, tmp_path / "model.toml")
    deployment('profile = "model.toml"')
    assert files_of(tmp_path / "gateway.toml") == (tmp_path / "gateway.toml", tmp_path / "model.toml")


# Profiles that are made of repositories.


def test_a_repository_without_a_profile_has_one_made_once(deployment: Loaded, tmp_path: Path) -> None:
    asked: list[Path] = []

    def derive(folder: Path) -> Profile:
        asked.append(folder)
        return THINKER

    told = deployment('repository = "models/m"', derive)
    assert told.effort.told_apart == (LOW, HIGH)
    assert (asked, told.profile) == ([tmp_path / "models/m"], "")
    assert deployment('repository = "models/m"').effort == EffortPolicy()  # nobody makes one
    write(replace_levels(THINKER), tmp_path / "model.toml")
    named = deployment('repository = "models/m"\nprofile = "model.toml"', derive)
    assert (named.effort.told_apart, len(asked)) == ((LOW,), 1)


def test_a_repository_that_cannot_be_analysed_is_a_problem_of_its_key(deployment: Loaded, tmp_path: Path) -> None:
    def derive(folder: Path) -> Profile:
        raise NotAProfile(file=str(folder), key="", expected="there is no such folder")

    with pytest.raises(ConfigError) as caught:
        deployment('repository = "models/m"\neffort.default = "low"', derive)
    assert format_problems(caught.value).replace(f"{tmp_path}/", "") == (
        "gateway.toml:6: deployments.a.repository: "
        "expected a model repository whose efforts can be told, or a profile; there is no such folder"
    )


def test_keys_are_held_to_the_profile_that_was_made(deployment: Loaded, tmp_path: Path) -> None:
    keys = 'repository = "models/m"\npreset = "qwen3"\neffort.default = "{}"'
    assert deployment(keys.format("low"), lambda _: THINKER).effort.default is LOW  # which the preset does not know
    with pytest.raises(ConfigError) as caught:
        deployment(keys.format("medium"), lambda _: THINKER)
    assert format_problems(caught.value).replace(f"{tmp_path}/", "") == (
        "gateway.toml:8: deployments.a.effort.default: expected a default that is supported (low, high)"
    )


def test_only_repositories_that_a_route_uses_are_analysed(deployment: Loaded) -> None:
    asked: list[Path] = []

    def derive(folder: Path) -> Profile:
        asked.append(folder)
        return THINKER

    spare = '[deployments.spare]\nupstream = "vllm"\nmodel = "m"\nrepository = "nowhere"'
    deployment(spare, derive)
    assert asked == []


def test_templates_of_repositories_are_watched(deployment: Loaded, tmp_path: Path) -> None:
    deployment('repository = "models/m"')
    names = ("chat_template.jinja", "tokenizer_config.json")
    assert files_of(tmp_path / "gateway.toml")[1:] == tuple(tmp_path / "models/m" / name for name in names)


def test_what_is_in_force_tells_the_efforts(deployment: Loaded, tmp_path: Path) -> None:
    deployment('preset = "kimi-k3"\nengine = "vllm"')
    told = effective(load(tmp_path / "gateway.toml", environ={}))["deployments"]["a"]
    assert told["engine"] == "vllm"
    assert told["effort"]["efforts"] == ["none", "low", "high", "max"]
    assert "standing" not in told["effort"]
    assert told["effort"]["levels"]["low"] == {"chat_template_kwargs": {"thinking": True, "thinking_effort": "low"}}


def replace_levels(profile: Profile) -> Profile:
    """Returns a profile that knows low alone."""
    control = Control(status=Status.NONE, levels={Effort.LOW: Level()})
    return Profile(version=1, template_sha256=profile.template_sha256, reasoning=profile.reasoning, effort=control)
