"""The process that derives one profile: reads a question from standard input, writes the answer, a line of JSON.

Rule: limits, and that it ends with whoever asked, are those of `validator/apart/child.py`. Whoever asks is
`deriving.py`. It is run by its module's name.
"""

from triphase_model.effort.analysis import analyse
from triphase_model.effort.profile import as_text
from triphase_model.effort.profiling import profile_of
from triphase_model.validator.apart.child import answer
from triphase_model.validator.apart.question import Question


def main() -> None:
    """Answers what was asked."""
    answer(_derived)


def _derived(asked: Question) -> dict[str, str]:
    analysis = analyse(asked.repository.opened())
    if analysis.problem:
        return {"problem": analysis.problem}
    return {"profile": as_text(profile_of(analysis), json_form=True)}


if __name__ == "__main__":
    main()
