"""Family C: the chat template, judged by what it renders and not by how it is written.

Rule: a finding rests on renderings that differ in one thing, or on one that failed. What a template merely cannot do
is `conversations.py`, what is dangerous in one `security.py`, and its turn's end `stopping.py`.
"""

import re
from collections.abc import Iterator
from typing import Final

from triphase_model.validator.findings import Evidence, Location, Problem, Severity
from triphase_model.validator.fixes import Edit, Fix, Refusal, Remedy, SetValue, WriteText, automatic
from triphase_model.validator.rendering import probes
from triphase_model.validator.rendering.results import Failure, Outcome, Rendering
from triphase_model.validator.repository import Repository, is_template
from triphase_model.validator.rule import Check, Rule
from triphase_model.validator.rules.chatml import CHATML
from triphase_model.validator.rules.stopping import LIKE_A_TOKEN, turn_ends
from triphase_model.validator.templates import FILE, Template

_CONFIG: Final = "tokenizer_config.json"
# Templates that are put into models of other families, and a token that each cannot do without.
_OTHER_TEMPLATES: Final = {"llama3": "<|start_header_id|>", "mistral": "[INST]"}
# Failures that are not said again of each conversation that has them.
TOLD_ELSEWHERE: Final = (Failure.LIMIT, Failure.UNKNOWN_NAME)
_SHOWN: Final = 160
# Tokens that only chats need: a tokenizer that has none belongs to a base model.
_CHAT_TOKENS: Final = frozenset({
    "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|eot_id|>", "[INST]", "<start_of_turn>", "<|user|>",
    "<|assistant|>", "<|start|>", "<|message|>", "<\uff5cUser\uff5c>", "<|turn>", "[|user|]", "<|START_OF_TURN_TOKEN|>",
})  # fmt: skip
THOUGHTS: Final = (("<think>", "</think>"), ("<seed:think>", "</seed:think>"), ("[THINK]", "[/THINK]"))


def used_template(repository: Repository) -> tuple[Template, Rendering] | None:
    """The template that chats use and its rendering, where it could be compiled."""
    template = next((template for template in repository.templates if template.used), None)
    rendering = repository.rendering
    return (template, rendering) if template and rendering and rendering.refused is None else None


def shown(name: str, text: str | None) -> Evidence:
    """What a rendering says, by its end."""
    cut = text if text is None or len(text) <= _SHOWN else f"…{text[-_SHOWN:]}"
    return Evidence(witness=f"rendering {name}", says="nothing" if cut is None else repr(cut))


def _is_chat_model(repository: Repository) -> bool:
    vocabulary = repository.vocabulary
    return not vocabulary.known or bool(_CHAT_TOKENS & set(vocabulary.ids))


def _no_template(repository: Repository) -> Iterator[Problem]:
    if repository.templates or not repository.source.has("config.json") or not _is_chat_model(repository):
        return
    if _is_hidden(repository):
        return
    node = repository.vocabulary.config["chat_template"]
    yield Problem(
        message="there is no chat template: a server starts and looks healthy, and refuses every chat",
        at=node.at,
        evidence=(node.says, Evidence(witness=FILE, says="not there"), _chat_tokens(repository)),
        fix=_chatml(repository),
    )


def _is_hidden(repository: Repository) -> bool:
    """Whether there may be a template in a file that could not be read, of which family F tells."""
    files = [repository.documents[file] for file in ("tokenizer_config.json", "chat_template.json")]
    unread = any(is_template(path) for path in repository.unread)
    return unread or any(file.present and not file.readable for file in files)


def _chat_tokens(repository: Repository) -> Evidence:
    found = sorted(_CHAT_TOKENS & set(repository.vocabulary.ids))
    return Evidence(witness="the tokenizer", says=f"has {', '.join(found) or 'no token that only chats need'}")


def _chatml(repository: Repository) -> Fix | None:
    """A template of ours for models with ChatML's tokens; no file says which variant was trained, so it is a choice."""
    ids, family = repository.vocabulary.ids, repository.layers.families
    lacking = "the tokenizer does not have these tokens: the model would read plain text it never saw"
    others = {name: Refusal(why=lacking) for name, token in _OTHER_TEMPLATES.items() if token not in ids}
    if not {"<|im_start|>", "<|im_end|>"} <= set(ids):
        return None
    tensors = f", and the tensors are those of {' or '.join(sorted(family))}" if family else ""
    way = Remedy(
        edits=(WriteText(file=FILE, text=CHATML),),
        why=f"the tokenizer has ChatML's tokens{tensors}",
        risk="the original template of the base may treat tools and earlier thoughts otherwise: prefer that one",
    )
    return Fix(ways={"chatml": way, **others})


def _base_model(repository: Repository) -> Iterator[Problem]:
    if repository.templates or not repository.source.has("config.json") or _is_chat_model(repository):
        return
    yield Problem(
        message="there is no chat template, and no token that chats need: this looks like a base model",
        at=repository.vocabulary.config["chat_template"].at,
        evidence=(_chat_tokens(repository),),
    )


def _empty(repository: Repository) -> Iterator[Problem]:
    for template in repository.templates:
        if not template.text.strip():
            message = f"the template {template.name} is empty: every prompt is the empty text"
            yield Problem(message=message, at=template.at, fix=_without_empty_file(repository, template))


def _without_empty_file(repository: Repository, template: Template) -> Fix | None:
    other = next((t for t in repository.templates if t is not template and t.text.strip() and t.name == _CONFIG), None)
    if template.name != FILE or other is None:
        return None
    edit = WriteText(file=FILE, text=other.text)
    return Fix(ways={"tokenizer_config": Remedy(edits=(edit,), why="the other template of the repository has text")})


def _refused_as(*failures: Failure) -> Check:
    """A check for templates that do not compile."""

    def check(repository: Repository) -> Iterator[Problem]:
        for template in repository.templates:
            made = repository.renderings.get(template.name)
            if made and made.refused in failures:
                place = template.at
                if template.node is None and made.line is not None:
                    place = Location(file=place.file, line=made.line)
                where = f", line {made.line} of the template" if made.line else ""
                message = f"the template does not compile: {made.detail}{where}"
                yield Problem(message=message, at=place)

    return check


def _plain_chat_fails(repository: Repository) -> Iterator[Problem]:
    used = used_template(repository)
    failed = used[1].failed("user") if used else None
    # An unset special token is `stopping.py`; limits and unknown names have rules of their own.
    elsewhere = failed is None or failed.failure in TOLD_ELSEWHERE or "_token' is undefined" in failed.detail
    if used is None or failed is None or elsewhere:
        return
    yield Problem(
        message=f"the simplest chat cannot be rendered: {failed.detail}",
        at=used[0].at,
        evidence=(Evidence(witness="rendering one user message", says=f"{failed.failure}: {failed.detail}"),),
    )


def _unknown_names(repository: Repository) -> Iterator[Problem]:
    yield from _refused_as(Failure.UNKNOWN_NAME)(repository)
    used = used_template(repository)
    for name, out in used[1].outcomes.items() if used else ():
        if used and out.failure is Failure.UNKNOWN_NAME:
            severity = Severity.ERROR if name == "user" else Severity.WARNING
            evidence = (Evidence(witness=f"rendering {name}", says=out.detail),)
            message = f"some chats fail: {out.detail.rstrip('.')}"
            yield Problem(message=message, at=used[0].at, evidence=evidence, severity=severity)
            return


def _over_limits(repository: Repository) -> Iterator[Problem]:
    for template in repository.templates:
        made = repository.renderings.get(template.name)
        stopped = [(name, out) for name, out in (made.outcomes if made else {}).items() if out.failure is Failure.LIMIT]
        if made and made.refused is Failure.LIMIT:
            stopped = [("compiling", Outcome(failure=Failure.LIMIT, detail=made.detail))]
        if stopped:
            message = f"rendering the template was stopped: {stopped[0][1].detail}"
            evidence = tuple(Evidence(witness=f"rendering {name}", says=out.detail) for name, out in stopped)
            yield Problem(message=message, at=template.at, evidence=evidence)


def loses(probe: str, word: str, message: str) -> Check:
    """A check that what was said in a conversation is in its rendering."""

    def check(repository: Repository) -> Iterator[Problem]:
        used = used_template(repository)
        text = used[1].text(probe) if used else None
        if used and text is not None and word not in text:
            yield Problem(message=message, at=used[0].at, evidence=(shown(probe, text),))

    return check


def _before(text: str | None, word: str) -> str | None:
    return text[: text.index(word)] if text is not None and word in text else None


def _no_generation_prompt(repository: Repository) -> Iterator[Problem]:
    used = used_template(repository)
    if used is None:
        return
    template, made = used
    asked, plain = made.text("user"), made.text("user_without_prompt")
    history = _before(made.text("answered"), probes.ANSWER)
    if asked is None or asked != plain or history is None or history.rstrip() == asked.rstrip():
        return
    if _ends_with_header(made, asked):
        return
    yield Problem(
        message="the template ignores add_generation_prompt: the model is not told that it is its turn",
        at=template.at,
        evidence=(shown("one user message", asked), shown("up to an answer", history)),
        fix=_with_header(template, made, asked),
    )


def _with_header(template: Template, made: Rendering, plain: str) -> Fix | None:
    """What stands before every answer, after what stands without one, put where the flag asks for it."""
    one = _before(made.text("answered"), probes.ANSWER)
    other = _before(made.text("answered_otherwise"), probes.OTHER_ANSWER)
    if one is None or one != other or not one.startswith(plain):
        return None
    # An empty block of thoughts belongs to history: a model that is to think opens its own.
    header = one[len(plain) :]
    header = min((header.partition(opening)[0] for opening, _ in THOUGHTS), key=len)
    if not header or "'" in header or "\\" in header or probes.USER in header:
        return None
    quoted = header.replace("\n", "\\n")
    text = template.text.rstrip("\n") + f"{{%- if add_generation_prompt %}}{{{{- '{quoted}' }}}}{{%- endif %}}"
    return automatic(*_rewritten(template, text), why="it is what the template itself puts before every answer")


def _rewritten(template: Template, text: str) -> tuple[Edit, ...]:
    if template.node is None:
        return (WriteText(file=template.at.file, text=text),)
    return (SetValue(file=template.node.file, pointer=template.node.pointer, value=text),)


def _always_prompts(repository: Repository) -> Iterator[Problem]:
    used = used_template(repository)
    if used is None:
        return
    template, made = used
    asked, plain = made.text("user"), made.text("user_without_prompt")
    history = _before(made.text("answered"), probes.ANSWER)
    if asked is None or asked != plain or history is None or not history.startswith(asked):
        return
    if not _ends_with_header(made, asked):
        return
    message = "the template begins an answer even where none is asked for"
    yield Problem(message=message, at=template.at, evidence=(shown("without add_generation_prompt", plain),))


def _ends_with_header(made: Rendering, asked: str) -> bool:
    """Whether a prompt ends with what begins an answer.

    Where a second user message goes on after all of it, its end belongs to the first one, as Mistral's [/INST] does.
    """
    row = made.text("users_in_a_row")
    return row is not None and not row.startswith(asked)


def _foreign_tokens(repository: Repository) -> Iterator[Problem]:
    used, vocabulary = used_template(repository), repository.vocabulary
    if used is None or not vocabulary.added:
        return
    texts = [text for name in ("user", "answered", "system") if (text := used[1].text(name)) is not None]
    found = [match.group() for text in texts for match in LIKE_A_TOKEN.finditer(text)]
    foreign = list(dict.fromkeys(word for word in found if word not in vocabulary.ids))
    if foreign:
        ends = bool(turn_ends(repository))
        known = ", ".join(token.content for token in vocabulary.added[:12])
        yield Problem(
            message=f"the template writes {', '.join(foreign[:4])}, which this tokenizer reads as ordinary text"
            + ("" if ends else "; no token ends a turn"),
            at=used[0].at,
            evidence=(shown("an answer", texts[-1]), Evidence(witness="added tokens", says=known)),
            # Some models were trained so; but none without a token at which a turn ends.
            severity=Severity.INFO if ends else Severity.ERROR,
        )


def _no_default(repository: Repository) -> Iterator[Problem]:
    if not repository.templates or any(template.used for template in repository.templates):
        return
    inner = [template for template in repository.templates if template.node is not None]
    names = ", ".join(template.name for template in repository.templates)
    single = len(inner) == 1 and inner[0].node is not None
    pointer = inner[0].at.pointer.rpartition("/")[0] + "/name" if single else ""
    edit = SetValue(file=_CONFIG, pointer=pointer, value="default")
    yield Problem(
        message=f"no template is called default, so a chat has none: {names}",
        at=repository.templates[0].at,
        fix=automatic(edit, why="it is the only one, and engines ask for it by that name") if single else None,
    )


def _sources_differ(repository: Repository) -> Iterator[Problem]:
    used = next((template for template in repository.templates if template.used), None)
    for other in repository.templates:
        rivals = other.name in (_CONFIG, f"{_CONFIG}:default", "chat_template.json") and other is not used
        if used is None or not rivals or _plain(other.text) == _plain(used.text) or not used.text.strip():
            continue
        ways = {"keep-jinja": Remedy(edits=_rewritten(other, used.text), why="the file wins wherever both are read")}
        yield Problem(
            message=f"{other.at.file} has another chat template than {used.at.file}, which some engines read instead",
            at=other.at,
            evidence=(
                Evidence(witness=used.at.file, says=f"{len(used.text)} characters"),
                Evidence(witness=other.at.file, says=f"{len(other.text)} characters"),
            ),
            fix=Fix(ways=ways),
        )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _backslash_n(repository: Repository) -> Iterator[Problem]:
    used = used_template(repository)
    text = used[1].text("answered") if used else None
    if used and text is not None and "\\n" in text:
        message = "prompts hold a backslash and an n where a line should end"
        template = used[0]
        fix = automatic(*_rewritten(template, _with_lines(template.text)), why="what was meant is the end of a line")
        yield Problem(message=message, at=template.at, evidence=(shown("an answer", text),), fix=fix)


# Expressions, statements and comments of Jinja; what stands between them is text. One may have the end of another in
# quotes; a fix that goes wrong by this is taken back.
_CODE: Final = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)


def _with_lines(text: str) -> str:
    """The template with ends of lines for each backslash and n: in quotes by one backslash less, in text by code.

    An end of a line itself would be lost in text, where it follows a statement.
    """
    pieces = _CODE.split(text)
    pieces[::2] = [piece.replace("\\n", r"{{ '\n' }}") for piece in pieces[::2]]
    pieces[1::2] = [piece.replace(r"\\n", r"\n") for piece in pieces[1::2]]
    return "".join(pieces)


_BLOCKED_HERE: Final = "calls that change a list or a dict, which the sandbox forbids"


def _blocked(repository: Repository) -> Iterator[Problem]:
    used = used_template(repository)
    if used is None or used[1].text("user") is None:
        return
    for name, out in used[1].outcomes.items():
        if out.failure is Failure.BLOCKED:
            evidence = (Evidence(witness=f"rendering {name}", says=out.detail),)
            yield Problem(
                message=f"some conversations need {_BLOCKED_HERE}: {out.detail}", at=used[0].at, evidence=evidence
            )
            return


RULES: Final = (
    Rule(code="C01", title="No chat template", severity=Severity.ERROR, check=_no_template),
    Rule(code="C02", title="A base model without a template", severity=Severity.WARNING, check=_base_model),
    Rule(code="C03", title="An empty template", severity=Severity.ERROR, check=_empty),
    Rule(code="C04", title="The template is no Jinja", severity=Severity.ERROR,
         check=_refused_as(Failure.SYNTAX, Failure.OTHER, Failure.RAISED, Failure.UNDEFINED, Failure.BLOCKED)),
    Rule(code="C05", title="An unknown filter or test", severity=Severity.ERROR, check=_unknown_names),
    Rule(code="C06", title="The simplest chat fails", severity=Severity.ERROR, check=_plain_chat_fails),
    Rule(code="C07", title="The sandbox blocks a call", severity=Severity.WARNING, check=_blocked),
    Rule(code="C08", title="The template exceeds limits", severity=Severity.ERROR, check=_over_limits),
    Rule(code="C09", title="What users say is lost", severity=Severity.ERROR,
         check=loses("user", probes.USER, "the template leaves out what the user says")),
    Rule(code="C10", title="What the model said is lost", severity=Severity.WARNING,
         check=loses("answered", probes.ANSWER, "the template leaves out earlier answers")),
    Rule(code="C11", title="The generation prompt is ignored", severity=Severity.ERROR, check=_no_generation_prompt),
    Rule(code="C12", title="The generation prompt cannot be left out", severity=Severity.WARNING,
         check=_always_prompts),
    Rule(code="C13", title="Tokens that the tokenizer lacks", severity=Severity.ERROR, check=_foreign_tokens),
    Rule(code="C14", title="No default template", severity=Severity.ERROR, check=_no_default),
    Rule(code="C15", title="Two templates differ", severity=Severity.WARNING, check=_sources_differ),
    Rule(code="C16", title="A backslash and an n", severity=Severity.WARNING, check=_backslash_n),
)  # fmt: skip
