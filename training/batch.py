"""What a model is trained on at once: documents packed into one row, which never see each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

NO_LOSS: Final = -100
"""The label of a token that is read and not learnt."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One packed row; T tokens."""

    input_ids: torch.Tensor
    """[1, T], int64."""
    labels: torch.Tensor
    """[1, T], int64: the token itself where it is learnt, `NO_LOSS` elsewhere; not shifted. The first token of a document is never learnt."""
    position_ids: torch.Tensor
    """[1, T], int64: 0, 1, 2, … and 0 again where the next document begins."""
