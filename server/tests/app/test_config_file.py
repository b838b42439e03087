"""The file as a command line names it: what wins, and which of its changes can be missed (none)."""

from pathlib import Path

import pytest
from triphase_server.app.config_file import ConfigFile
from triphase_server.config import ConfigError

TEXT = """\
listen = "127.0.0.1:1"
[upstreams.u]
base_url = "http://127.0.0.1:8000/v1"
api_key_file = "key"
[deployments.a]
upstream = "u"
model = "m"
[routes.m]
deployments = ["a"]
"""


def file_in(folder: Path, **overrides: object) -> ConfigFile:
    path = folder / "gateway.toml"
    path.write_text(TEXT)
    return ConfigFile(path, environ={}, overrides=overrides)


def test_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    config = file_in(tmp_path, listen="127.0.0.1:2").read()
    assert (config.listen, config.log_level) == ("127.0.0.1:2", "info")


def test_a_key_is_watched_as_well(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    file = file_in(tmp_path)
    file.read()
    assert file.look() == file.seen
    (tmp_path / "key").write_text("another")
    assert file.look() != file.seen


def test_a_key_that_is_missing_is_watched_until_it_comes(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    with pytest.raises(ConfigError, match="api_key_file"):
        file.read()
    assert file.look() == file.seen
    (tmp_path / "key").write_text("k")
    assert file.look() != file.seen
    file.read()
    assert file.look() == file.seen


def test_what_changes_after_a_refusal_is_seen(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.path.write_text("wrong")
    with pytest.raises(ConfigError):
        file.read()
    assert file.look() == file.seen
    file.path.write_text(TEXT)
    assert file.look() != file.seen
