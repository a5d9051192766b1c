"""Where the documents of a packed row begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Packing:
    """Of one row of T tokens."""

    positions: torch.Tensor
    """[T], int64: a token's place in its document."""
    documents: torch.Tensor
    """[T], int32: which document a token belongs to; never falls."""
    edges: torch.Tensor
    """[documents + 1], int32: where each begins, and T."""
    longest: int
    """Tokens."""

    @property
    def single(self) -> bool:
        return self.edges.shape[0] == 2


def packing_of(position_ids: torch.Tensor) -> Packing:
    """Of [1, T] or [T] positions that begin at 0 in every document."""
    positions = position_ids.reshape(-1)
    starts = positions == 0
    first = torch.nonzero(starts).reshape(-1)
    edges = torch.cat([first, first.new_tensor([positions.shape[0]])])
    return Packing(
        positions=positions,
        documents=torch.cumsum(starts, 0, dtype=torch.int32) - 1,
        edges=edges.to(torch.int32),
        longest=int((edges[1:] - edges[:-1]).max()),
    )
