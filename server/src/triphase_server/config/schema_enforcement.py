"""The keys of `[deployments.NAME.enforcement]`: how the gateway itself closes the thoughts of a model.

Rule: what can be known from the model's own files is not asked for; what the file sets lies over it. All files are read
when the configuration is, so that nothing of them can fail a request. What they say is `model_files.py`.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo

from triphase_server.config.fields import Table, expected, must, surroundings, wrong
from triphase_server.config.kinds import EngineFields, MarkerPair, MarkerText
from triphase_server.config.model_files import (
    ModelFiles,
    NotFound,
    read_model_files,
    read_template,
    tokenizers_of,
)
from triphase_server.core.detection import Detection, Marker
from triphase_server.core.enforcement import Enforcement, Template, Way
from triphase_server.core.presets import THOUGHT_TEXTS
from triphase_server.upstream.token_counters import NoTokenizer, counter_of

_DEFAULTS = Enforcement(template=Template(source=""), controls=())


def _tokenizer(name: str, info: ValidationInfo) -> str:
    if not name:
        return name
    path = str(surroundings(info).folder.absolute() / name)
    try:
        counter_of(path)
    except NoTokenizer as error:
        raise wrong(f"expected the path of a tokenizer.model or tokenizer.json; {error}") from None
    return path


def _template(name: str, info: ValidationInfo) -> str:
    if not name:
        return name
    path = surroundings(info).folder.absolute() / name
    try:
        read_template(path)
    except NotFound as error:
        raise wrong(str(error)) from None
    return str(path)


_Way = Annotated[Way, Field(strict=False), expected("completions or prefill")]
_Text = Annotated[str, Field(max_length=2000), expected("a text of at most 2000 characters")]
_SomeText = Annotated[str, Field(min_length=1, max_length=2000), expected("a text of 1 to 2000 characters")]
_Tokens = Annotated[int, Field(ge=1, le=10_000_000), expected("a whole number of tokens from 1 to 10000000")]
_Times = Annotated[int, Field(ge=0, le=100), expected("a whole number from 0 to 100")]
_Ratio = Annotated[float, Field(ge=0.5, le=8, allow_inf_nan=False), expected("a number of characters from 0.5 to 8")]
_TemplatePath = Annotated[str, Field(max_length=4096), AfterValidator(_template), expected("the path of a template")]
_TokenizerPath = Annotated[
    str, Field(max_length=4096), AfterValidator(_tokenizer), expected('the path of a tokenizer, or "" for none')
]
_TokenName = Annotated[str, must(lambda text: text.endswith("_token") and text.isidentifier())]


class EnforcementTable(Table):
    """`[deployments.NAME.enforcement]`: that the gateway closes thoughts, and how."""

    way: _Way = Field(_DEFAULTS.way, description="How the engine is asked to go on with an answer")
    template: _TemplatePath = Field("", description="A file with the chat template; empty = that of the repository")
    template_tokens: Annotated[dict[_TokenName, MarkerText], expected('texts by names such as "bos_token"')] = Field(
        {}, description="Special tokens that the template names, over those of the repository"
    )
    control_tokens: Annotated[list[MarkerText], Field(max_length=4096)] = Field(
        [], description="Texts that the tokenizer takes for control tokens, beside those of the repository"
    )
    marker: MarkerPair | None = Field(None, description="What encloses thoughts; by default the detection's first")
    opening: _SomeText | None = Field(None, description="How a thought begins in the model's text")
    closing: _SomeText | None = Field(None, description="How it ends there, and the answer begins")
    sentence: _Text = Field(_DEFAULTS.sentence, description="What is put before the end of a thought that is cut")
    answer_tokens: _Tokens = Field(
        _DEFAULTS.answer_tokens, description="The limit of a continuation where the caller sets none"
    )
    body: EngineFields = Field({}, description="Fields that the body of a continuation carries")
    extending: _SomeText = Field(_DEFAULTS.extending, description="What makes a thought that is too short go on")
    extensions: _Times = Field(_DEFAULTS.extensions, description="How often that is done, at most")
    reopenings: _Times = Field(_DEFAULTS.reopenings, description="How often a further thought is closed, at most")
    tokenizer: _TokenizerPath | None = Field(None, description="What counts tokens; by default the repository's")
    characters_per_token: _Ratio = Field(
        _DEFAULTS.characters_per_token, description="What counts where there is no tokenizer, at first"
    )
    _known: ModelFiles = PrivateAttr(default=ModelFiles())
    _counts_by: str = PrivateAttr(default="")
    _unread: str = PrivateAttr(default="")

    def look(self, repository: str, *, detection: Detection) -> None:
        """Reads the model's files; raises what a check raises where they do not say enough."""
        folder = Path(repository)
        if repository:
            try:
                self._known = read_model_files(folder)
            except NotFound as error:
                raise wrong(str(error)) from None
        if not self.template and not self._known.template:
            raise wrong("expected a chat template, from a file or from the deployment's repository", at=("template",))
        if not self.control_tokens and not self._known.special:
            message = "expected the texts that are control tokens, from here or from the deployment's repository"
            raise wrong(message, at=("control_tokens",))
        if self.marker is None and not detection.markers:
            raise wrong("expected a pair of markers; the detection has none", at=("marker",))
        self._counts_by, self._unread = (self.tokenizer, "") if self.tokenizer is not None else _usable(repository)

    @property
    def unread(self) -> str:
        """Why an estimate counts although the repository has a tokenizer; empty where neither holds. After `look`."""
        return self._unread

    def values(self, *, preset: str | None, detection: Detection) -> Enforcement:
        """Returns the frozen values; only after `look`."""
        marker = Marker(open=self.marker[0], close=self.marker[1]) if self.marker else detection.markers[0]
        opening, closing = THOUGHT_TEXTS.get(preset or "", (f"{marker.open}\n", f"\n{marker.close}\n\n"))
        source = read_template(Path(self.template)) if self.template else self._known.template
        controls = [*self.control_tokens, *self._known.controls(source), marker.open, marker.close]
        return Enforcement(
            **self.model_dump(
                include={
                    "way", "sentence", "answer_tokens", "body", "extending", "extensions", "reopenings",
                    "characters_per_token",
                }
            ),
            template=Template(source=source, tokens={**self._known.tokens, **self.template_tokens}),
            controls=tuple(dict.fromkeys(controls)),
            marker=marker,
            opening=self.opening or opening,
            closing=self.closing or closing,
            tokenizer=self._counts_by,
        )  # fmt: skip


def _usable(repository: str) -> tuple[str, str]:
    """Returns the repository's tokenizer that can be read here, else nothing and why none could be."""
    why = ""
    for path in tokenizers_of(Path(repository)) if repository else ():
        try:
            counter_of(path)
        except NoTokenizer as error:
            why = f"{Path(path).name}: {error}"
            continue
        return path, ""
    return "", why
