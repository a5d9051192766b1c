"""Whether a driver, a CUDA and a GPU go together, by the table in compatibility.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


def mismatches(*, driver: str | None, cuda: str | None, capability: str | None = None) -> list[str]:
    """What does not go together, a sentence each with what to do. What is not known is taken for well."""
    table = _table()
    found = []
    if driver is not None and cuda is not None:
        lowest = table["lowest_driver"].get(cuda.split(".")[0])
        came_with = table["driver"].get(cuda)
        if lowest is not None and _number(driver) < _number(lowest):
            found.append(
                f"CUDA {cuda} needs driver {lowest} or later, and this is {driver}: update the driver, or take a build for an older CUDA"
            )
        elif came_with is not None and _number(driver) < _number(came_with):
            found.append(f"driver {driver} is older than CUDA {cuda} ({came_with}): kernels that are compiled at run time may not load")
    if cuda is not None and capability is not None:
        first = table["lowest_cuda"].get(capability)
        if first is not None and _number(cuda) < _number(first):
            found.append(f"a GPU of compute capability {capability} needs CUDA {first} or later, and this is {cuda}")
    return found


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "compatibility.toml").read_text(encoding="utf-8"))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
