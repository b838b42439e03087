from pathlib import Path

import pytest
from triphase_benchmark.engines.engine import Engine, Price
from triphase_benchmark.engines.engine_flag import BadEngine, parse_engine, read_engine_file

LONG = """
[engines.vllm]
url = "http://localhost:8000"
model = "qwen"
key = "VLLM_KEY"
price = { input = 0.2, output = 0.6 }
headers = { x-team = "a" }

[engines.gateway]
url = "grpc://127.0.0.1:50051"
"""


def test_the_short_and_the_long_form_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "engines.toml"
    path.write_text(LONG)
    first, second = read_engine_file(path)
    assert first == parse_engine("vllm=http://localhost:8000,model=qwen,key=VLLM_KEY,price=0.2/0.6,header.x-team=a")
    assert first == Engine(
        name="vllm",
        url="http://localhost:8000",
        profile="vllm",
        model="qwen",
        key_variable="VLLM_KEY",
        headers={"x-team": "a"},
        price=Price(input=0.2, output=0.6),
    )
    assert second == Engine(name="gateway", url="grpc://127.0.0.1:50051")
    assert second.is_gateway


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("a=http://h", "generic"),
        ("vllm=http://h", "vllm"),
        ("friendli=http://h", "friendli-container"),
        ("new=http://h,profile=vllm", "vllm"),
        ("vllm=http://h,profile=sglang", "sglang"),
        ("a=http://h,profile=friendli", "friendli-container"),
    ],
)
def test_the_profile_is_named_or_that_of_the_name(text: str, profile: str) -> None:
    assert parse_engine(text).profile == profile


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://localhost:8000", "expected NAME=URL"),
        ("a=", "expected NAME=URL"),
        ("=http://h", "a name has letters"),
        ("a b=http://h", "a name has letters"),
        ("a=localhost:8000", "does not begin with http://, https:// or grpc://"),
        ("a=ftp://h", "does not begin with"),
        ("a=http://", "names no host"),
        ("a=http://h:99999", "is no URL"),
        ("a=http://me:secret@h", "may hold no user and no password"),
        ("a=http://h?x=1", "more than an engine's address"),
        ("a=grpc://h:1/v1", "more than an engine's address"),
        ("a=http://h,model", "expected key=value, not 'model'"),
        ("a=http://h,model=", "model is a text that is not empty"),
        ("a=http://h,model=x,model=y", "model stands twice"),
        ("a=http://h,header.x=1,header.x=2", "header.x stands twice"),
        ("a=http://h,url=http://i", "url stands twice"),
        ("a=http://h,modell=x", "there is no 'modell': did you mean model?"),
        ("a=http://h,zzz=x", "there is no 'zzz': there are url, profile"),
        ("a=http://h,profile=vlm", "there is no profile 'vlm': there are .*vllm"),
        ("a=http://h,price=2", "price is INPUT/OUTPUT"),
        ("a=http://h,price=a/b", "price is INPUT/OUTPUT"),
        ("a=http://h,price=-1/2", "each a number from 0 on"),
        ("a=http://h,price=nan/2", "each a number from 0 on"),
        ("a=http://h,header.authorization=Bearer x", "holds a secret: name its variable"),
        ("a=http://h,header.host=x", "written by the client itself"),
        ("a=http://h,header.a b=x", "is no header"),
        ("a=http://h,header.x=a\nb", "is no header"),
    ],
)
def test_each_mistake_has_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(BadEngine, match=message) as raised:
        parse_engine(text)
    assert len(str(raised.value).splitlines()) == 1


def test_a_key_that_is_written_out_is_not_repeated() -> None:
    with pytest.raises(BadEngine, match="not the key itself") as raised:
        parse_engine("a=http://h,key=sk-12345")
    assert "12345" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[engines.a]\nurl = 7", "url is a text"),
        ("[engines.a]\nmodel = 'x'", "its url is missing"),
        ("[engines]\na = 'http://h'", "expected a table"),
        ("[engines.a]\nurl = 'http://h'\nprice = 3", "price is an input and an output"),
        ("[engines.a]\nurl = 'http://h'\nprice = { input = true, output = 1 }", "each a number"),
        ("[engines.a]\nurl = 'http://h'\nheaders = ['a']", "headers are a table of texts"),
        ("[other]", "expected tables"),
        ("", "expected tables"),
        ("engines = {", "not TOML"),
    ],
)
def test_mistakes_of_the_long_form(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "engines.toml"
    path.write_text(text)
    with pytest.raises(BadEngine, match=message):
        read_engine_file(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadEngine, match=r"nothing\.toml: No such file"):
        read_engine_file(tmp_path / "nothing.toml")
