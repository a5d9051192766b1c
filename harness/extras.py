"""Optional parts of the installation, and how to get one that is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from harness.config import ConfigError


@contextlib.contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """ConfigError that says what to install, when an import inside fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed: pip install 'typescript-agent-harness[{name}]'") from error
