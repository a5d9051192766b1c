"""What every part of a configuration or recipe is: it does not change, knows all its names, and its numbers are numbers. No torch in here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
