"""Logs: a JSON object a line on standard error, with what is bound to the context (request and game ids, say)."""

import contextlib
import logging
import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer


class _Lines:
    """Writes to standard error; who does not read it any more shall not fail the calls that are logged."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure_logs(level: str = "info") -> None:
    """Log from this level on: debug, info, warning or error. Lower ones cost next to nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),  # they hold tokens
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,
    )


def get_log(name: str) -> Any:
    """A logger whose lines carry where they come from."""
    return structlog.get_logger(source=name)
