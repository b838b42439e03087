"""The configuration file: a TOML file in, frozen values out, or every problem of the file at once.

`loading.py` is the way through; what else the file may hold is in `schema.py`. Other folders import from here.
"""

from triphase_server.config.changes import Changes, changes
from triphase_server.config.errors import ConfigError, Problem, format_problems
from triphase_server.config.json_schema import json_schema
from triphase_server.config.loading import GatewayConfig, admin_listen, embedded, files_of, load, problem_at, warnings
from triphase_server.config.schema import LogLevel

__all__ = [
    "Changes",
    "ConfigError",
    "GatewayConfig",
    "LogLevel",
    "Problem",
    "admin_listen",
    "changes",
    "embedded",
    "files_of",
    "format_problems",
    "json_schema",
    "load",
    "problem_at",
    "warnings",
]
