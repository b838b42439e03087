"""The profile that an analysis comes to: what a gateway needs of it, and nothing else."""

from hashlib import sha256

from triphase_model.effort.analysis import Analysis
from triphase_model.effort.profile import Control, Level, Markers, Profile, Thought, Tokenizer


def profile_of(analysis: Analysis, *, tokenizer_file: str = "") -> Profile:
    """Returns the profile; `tokenizer_file` is the path of the tokenizer where the profile will lie elsewhere."""
    classes = analysis.classes
    opening, closing = analysis.pair or ("", "")
    template = analysis.template
    tokenizer = analysis.tokenizer
    return Profile(
        version=1,
        family=analysis.family,
        template_sha256=sha256(template.text.encode("utf-8", "surrogatepass")).hexdigest() if template else "",
        reasoning=Markers(open=opening, close=closing, starts_open=analysis.starts is Thought.OPEN),
        effort=Control(
            status=classes.status,
            default=classes.default or "",
            variable=classes.variable,
            refused=tuple(classes.refused),
            levels={step.effort: Level(kwargs=dict(step.setting), thought=step.thought) for step in classes.steps},
            engines=dict(analysis.views),
        ),
        messages=analysis.messages,
        tokenizer=Tokenizer(file=tokenizer_file or tokenizer.file, kind=tokenizer.kind),
    )
