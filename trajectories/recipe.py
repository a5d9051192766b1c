"""A recipe: the filters of a selection, in their order, from a TOML."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.toml_file import read_as
from trajectories.choices import OfMany
from trajectories.errors import TrajectoryError
from trajectories.filters import OfOne

_SHIPPED = Path(__file__).parent / "recipes"


class Recipe(BaseModel):
    """Filters are applied from the first to the last: each sees what those before it left."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    filters: tuple[Annotated[OfOne | OfMany, Field(discriminator="name")], ...] = ()

    @property
    def digest(self) -> str:
        """sha256 in hex over the filters with all their settings."""
        return hashlib.sha256(self.model_dump_json(exclude={"name"}).encode()).hexdigest()


def shipped_recipes() -> list[str]:
    return sorted(file.stem for file in _SHIPPED.glob("*.toml"))


def read_recipe(name_or_file: str) -> Recipe:
    """A shipped recipe by its name, or one from a TOML. TrajectoryError names the setting that is wrong."""
    file = _SHIPPED / f"{name_or_file}.toml" if name_or_file in shipped_recipes() else Path(name_or_file)
    return read_as(file, Recipe, TrajectoryError, advice=f"give a TOML, or one of {', '.join(shipped_recipes())}")
