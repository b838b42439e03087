"""The reference model with a chat template that ignores effort, as most templates do: a folder made by code.

Its rule: only the template differs, and only in that every prompt asks for long thoughts. So whatever length it has
then is not the template's doing.
"""

import re
import shutil
from importlib import resources
from pathlib import Path

TEMPLATE = "chat_template.jinja"
# From where the template looks at what was asked for, up to where it begins to write.
_LOOKING = re.compile(r"\{%- set effort = .*?(?=\{\{- bos_token)", re.DOTALL)
_FIXED = "{%- set effort = 'high' -%}\n"


def reference() -> Path:
    """Returns the folder of the reference model."""
    return Path(str(resources.files("triphase_model") / "reference"))


def ignoring_effort(template: str) -> str:
    """Returns the template without all that looks at the effort; raises ValueError where that is not to be found."""
    changed, found = _LOOKING.subn(_FIXED, template)
    if found != 1 or re.search(r"reasoning_effort|enable_thinking", changed):
        raise ValueError("the template looks at the effort elsewhere, too")
    return changed


def make(folder: Path) -> Path:
    """Copies the reference model to a new folder and changes its template there; returns the folder."""
    made = Path(shutil.copytree(reference(), folder))
    path = made / TEMPLATE
    path.write_text(ignoring_effort(path.read_text(encoding="utf-8")), encoding="utf-8")
    return made
