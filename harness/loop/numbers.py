"""What a line of the ledger counts, for each kind of step: whoever reads one finds these numbers, or is told that it is no line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Step = Literal["base", "choose", "sample", "demonstrations", "rows", "train", "expect", "export", "evaluation", "verdict"]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Numbers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Evaluated(Numbers):
    rate: Share
    low: float
    high: float
    trials: Count
    resolved: Count


class Chosen(Numbers):
    """Tasks; see `curriculum.Choice`."""

    tasks: Count
    unknown: Count
    between: Count
    revisited: Count
    always: Count
    never: Count


class Tried(Numbers):
    trials: Count
    resolved: Count | None = None
    """None: recorded elsewhere, where nobody has counted."""


class Learnt(Numbers):
    rows: Count
    new: Count
    replayed: Count
    taken: Mapping[str, Count]


class Trained(Numbers):
    method: Literal["dapt", "sft", "dpo"]
    steps: Count
    tokens: Count
    loss: float | None
    """At the last step."""


class Expected(Numbers):
    tokens: Count


class Exported(Numbers):
    merged: bool


class Judged(Numbers):
    promoted: bool
    against: Count | None
    """The round whose model was the best before; None: the base."""
    difference: float
    low: float | None
    gains: Count
    regressions: Count


KINDS: Final[Mapping[Step, type[Numbers]]] = {
    "base": Evaluated,
    "choose": Chosen,
    "sample": Tried,
    "demonstrations": Tried,
    "rows": Learnt,
    "train": Trained,
    "expect": Expected,
    "export": Exported,
    "evaluation": Evaluated,
    "verdict": Judged,
}
"""In the order of steps."""
