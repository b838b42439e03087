"""What is wrong with what a user gave: flags, files, amounts. One sentence each, which says what would be right."""

from pathlib import Path


class BadInput(Exception):
    """A plan cannot be made of this. The message is one line for whoever started the run."""

    @classmethod
    def at(cls, file: Path, line: int, problem: str) -> "BadInput":
        """A problem at a place of a file; lines, and rows of Parquet files, count from 1."""
        return cls(f"{file}:{line}: {problem}")
