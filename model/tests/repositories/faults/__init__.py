"""One table of faults for each family of rules; `ALL` has them together."""

from typing import Final

from repositories.faults import files, security, stopping, template, vocabulary

ALL: Final = (*files.FAULTS, *vocabulary.FAULTS, *stopping.FAULTS, *template.FAULTS, *security.FAULTS)
