"""One line of the ledger: a step that is done, what came of it, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from harness.loop.numbers import KINDS, Numbers, Step
from tasks.toml_file import first_complaint

Told = TypeVar("Told", bound=Numbers)


class Split(BaseModel):
    """Seconds of the clock, by what they went to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: float = 0.0
    """Its answers, and the server's starts and stops."""
    tests: float = 0.0
    """Boxes, commands in them, and grading."""
    training: float = 0.0
    """Training, exporting, and what the trainer computes for the parity check."""
    own: float = 0.0
    """All else."""

    def __add__(self, other: Split) -> Split:
        return Split(
            model=self.model + other.model,
            tests=self.tests + other.tests,
            training=self.training + other.training,
            own=self.own + other.own,
        )

    @property
    def total(self) -> float:
        return self.model + self.tests + self.training + self.own


class Entry(BaseModel):
    """One line: a step that is done."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    round: int = Field(ge=0)
    step: Step
    inputs: str
    """sha256 in hex, over all that decides it."""
    outputs: str
    """sha256 in hex, over what came of it."""
    words: str
    numbers: SerializeAsAny[Numbers]
    """Of the step's kind."""
    seconds: float = Field(ge=0)
    """Of all its sittings."""
    split: Split
    tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=None, ge=0)
    at: str
    """UTC, ISO 8601."""

    @field_validator("numbers", mode="before")
    @classmethod
    def _of_its_kind(cls, numbers: object, known: ValidationInfo) -> object:
        step = known.data.get("step")
        try:
            return KINDS[step].model_validate(numbers) if step is not None else numbers
        except ValidationError as error:
            raise ValueError(first_complaint(error)) from error

    def told(self, kind: type[Told]) -> Told:
        """Its numbers, by a step that has such."""
        assert isinstance(self.numbers, kind)
        return self.numbers


@dataclass(frozen=True, slots=True)
class Done:
    """What a step says of itself when it is done."""

    outputs: str
    words: str
    numbers: Numbers
    split: Split = field(default_factory=Split)
    """Of this sitting, as far as the step knows: the rest of its time is the loop's own."""
    tokens: int = 0
    cost: float | None = None
