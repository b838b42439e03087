"""Profiles of model repositories that a configuration names: made by a child process, once, or told where not."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from repositories.reasoning import of_family
from triphase_model.effort import deriving
from triphase_model.effort.profile import NotAProfile, Profile
from triphase_server.app.commands import app
from triphase_server.app.config_file import ConfigFile
from triphase_server.app.profiling import Derivations
from triphase_server.config import ConfigError
from triphase_server.core.request import Effort
from typer.testing import CliRunner

REFERENCE = Path(str(files("triphase_model") / "reference"))
CONFIG = """
[upstreams.u]
base_url = "http://127.0.0.1:9/v1"
[deployments.d]
upstream = "u"
model = "m"
engine = "vllm"
repository = "{}"
[routes.r]
deployments = ["d"]
"""
Write = Callable[[str], Path]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Returns a repository of a model that thinks or does not, with nothing between."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name, data in of_family("qwen3").items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Returns the folders that are analysed from now on."""
    asked: list[Path] = []
    derived = deriving.derived

    async def counts(folder: Path, *, most_s: float) -> Profile:
        asked.append(folder)
        return await derived(folder, most_s=most_s)

    monkeypatch.setattr(deriving, "derived", counts)
    return asked


def config_of(folder: Path, repository: Path) -> ConfigFile:
    path = folder / "gateway.toml"
    path.write_text(CONFIG.format(repository))
    return ConfigFile(path, environ={}, overrides={}, derive=Derivations())


def test_a_repository_says_which_efforts_its_route_has(tmp_path: Path, model: Path) -> None:
    route = config_of(tmp_path, model).read().routes["r"]
    assert route.efforts == tuple(Effort)  # on and off by the template, the rest by bounds of the engine
    assert route.primary.effort.fields(Effort.NONE) == {"chat_template_kwargs": {"enable_thinking": False}}
    assert len(route.primary.effort.told_apart) == 2
    graded = config_of(tmp_path, REFERENCE).read().routes["r"].primary.effort
    assert graded.told_apart == (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH)
    assert graded.fields(Effort.HIGH) == {"chat_template_kwargs": {"reasoning_effort": "high"}}
    assert graded.held == {}


def test_what_has_not_changed_is_not_analysed_again(tmp_path: Path, model: Path, counted: list[Path]) -> None:
    file = config_of(tmp_path, model)
    assert file.read() == file.read()
    assert counted == [model]
    assert file.look() == file.seen
    (model / "chat_template.jinja").write_bytes((REFERENCE / "chat_template.jinja").read_bytes())
    assert file.look() != file.seen
    assert file.read().routes["r"].primary.effort.told_apart == (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH)
    assert counted == [model, model]


async def test_it_is_read_in_a_thread_beside_an_event_loop(tmp_path: Path, model: Path) -> None:
    config = await asyncio.to_thread(config_of(tmp_path, model).read)
    assert config.routes["r"].efforts == tuple(Effort)


def test_a_repository_without_a_chat_is_a_problem_of_the_file(tmp_path: Path, model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, model).read()
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("deployments.d.repository", 8)
    assert problem.message.startswith(
        "expected a model repository whose efforts can be told, or a profile; there is no "
    )


def test_what_is_no_repository_has_no_profile(tmp_path: Path) -> None:
    derivations = Derivations()
    with pytest.raises(NotAProfile, match="there is no repository 'nowhere'"):
        derivations(tmp_path / "nowhere")
    assert derivations.failed


def test_serving_ends_with_the_problem(tmp_path: Path) -> None:
    file = config_of(tmp_path, tmp_path / "nowhere")
    result = CliRunner().invoke(app, ["serve", "--config", str(file.path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "deployments.d.repository: expected a model repository whose efforts can be told" in result.stderr
