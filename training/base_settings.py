"""What is trained on and what is trained: a base and its adapters. No torch in here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training.section import Section

Precision = Literal["bf16", "nf4", "fp4", "fp32"]
MambaPath = Literal["auto", "mamba_ssm", "compiled", "plain"]
Keep = Literal["least", "experts", "most"]


class BaseSettings(Section):
    path: str
    """A directory, or a hub name that the cache or the network has."""
    precision: Precision = "bf16"
    """How frozen weights are held. 4 bits: those of linear layers and of fused experts; embeddings, the head, norms and routers stay in bf16."""
    trust_remote_code: bool = False
    compile: bool = False
    """For nemotron_h: elementwise work of Mamba layers fused by torch.compile, on a GPU. Rows are padded to multiples of 2,048 tokens, so that few shapes are compiled."""
    mamba: MambaPath = "auto"
    """For nemotron_h, which scan: auto is mamba_ssm where it is installed, else compiled where `compile` is set, else plain."""
    keep: Keep = "experts"
    """For nemotron_h, what the forward pass keeps for the backward pass in memory: the least (layers are run again), the experts' hidden rows besides, or most.
    Layers of other models are run again."""


class AdapterSettings(Section):
    targets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Kinds of the recipe; None: its default."""
    rank: int = Field(default=16, gt=0)
    ranks: dict[str, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    """By kind, where it is not `rank`."""
    alpha: float = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    dora: bool = False
    rslora: bool = False
    start: Path | None = None
    """An adapter that training goes on from, as an earlier run wrote it: of this base, and of these targets, ranks and alpha. None: a fresh one."""
