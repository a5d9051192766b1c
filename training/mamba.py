"""What a Mamba-2 mixer of transformers' `nemotron_h` does between its two projections, for packed documents: convolution, scan, gate and norm. Three ways."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from torch.nn import functional as F  # noqa: N812

from training.base_settings import BaseSettings
from training.errors import TrainingError
from training.packing import Packing
from training.ssd import scan_matmul, scan_plain

Path = Literal["mamba_ssm", "compiled", "plain"]


def path_of(settings: BaseSettings) -> Path:
    """TrainingError when one is wanted that is not installed."""
    installed = all(importlib.util.find_spec(name) is not None for name in ("mamba_ssm", "causal_conv1d"))
    if settings.mamba == "mamba_ssm" and not installed:
        raise TrainingError(
            "mamba = 'mamba_ssm' needs the packages mamba-ssm and causal-conv1d, which are built on the machine; or choose 'auto'"
        )
    if settings.mamba != "auto":
        return settings.mamba
    return "mamba_ssm" if installed else "compiled" if settings.compile else "plain"


class Weights(NamedTuple):
    """A mixer's own, between its projections."""

    conv: torch.Tensor
    """[x, B and C, 1, taps]"""
    conv_bias: torch.Tensor | None
    dt_bias: torch.Tensor
    """[heads], as `a_log` and `d`."""
    a_log: torch.Tensor
    d: torch.Tensor
    norm: torch.Tensor
    """[heads * P]"""


class Sizes(NamedTuple):
    """Plain numbers: what is compiled is compiled for them."""

    heads: int
    per_head: int
    """P."""
    groups: int
    states: int
    """N."""
    chunk: int
    limits: tuple[float, float]
    """Of dt."""
    epsilon: float

    @property
    def inner(self) -> int:
        return self.heads * self.per_head

    @property
    def projected(self) -> list[int]:
        """The widths of gate; x, B and C; dt."""
        return [self.inner, self.inner + 2 * self.groups * self.states, self.heads]

    @property
    def convolved(self) -> list[int]:
        """The widths of x, B, C."""
        return [self.inner, self.groups * self.states, self.groups * self.states]


def mixed(mixer: Any, projected: torch.Tensor, packing: Packing, path: Path) -> torch.Tensor:
    """projected [T, gate + x, B, C + dt] of `in_proj` to [T, heads * P] for `out_proj`."""
    weights = Weights(mixer.conv1d.weight, mixer.conv1d.bias, mixer.dt_bias, mixer.A_log, mixer.D, mixer.norm.weight)
    least, most = mixer.time_step_limit
    sizes = Sizes(
        heads=mixer.num_heads,
        per_head=mixer.head_dim,
        groups=mixer.n_groups,
        states=mixer.ssm_state_size,
        chunk=mixer.chunk_size,
        limits=(float(least), float(most)),
        epsilon=mixer.norm.variance_epsilon,
    )
    if path == "mamba_ssm":
        return _with_mamba_ssm(projected, weights, packing, sizes)
    if path == "plain":
        return _in_torch(projected, weights, packing.positions, packing.documents, sizes, scan_plain)
    return _compiled()(projected, *weights, packing.positions, packing.documents, sizes)


def _batched(projected: torch.Tensor, *rest: Any) -> torch.Tensor:
    """The border of what is compiled: each tensor an argument of its own."""
    *weights, positions, documents, sizes = rest
    return _in_torch(projected, Weights(*weights), positions, documents, sizes, scan_matmul)


@cache
def _compiled() -> Callable[..., torch.Tensor]:
    """Compiled on its first call, once for a length of row. Without a GPU it runs as it is written."""
    # torch gives up on compiling after eight shapes and goes on without; rows come in more lengths, and each length pays.
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    return torch.compile(_batched, dynamic=False) if torch.cuda.is_available() else _batched


def _in_torch(
    projected: torch.Tensor,
    weights: Weights,
    positions: torch.Tensor,
    documents: torch.Tensor,
    sizes: Sizes,
    scan: Callable[..., torch.Tensor],
) -> torch.Tensor:
    wide = _wide(projected.dtype)
    gate, convolved, dt = projected.split(sizes.projected, dim=-1)
    convolved = _convolved(convolved, weights.conv, weights.conv_bias, positions)
    x, b, c = convolved.split(sizes.convolved, dim=-1)
    dt = F.softplus(dt.to(wide) + weights.dt_bias.to(wide)).clamp(*sizes.limits)
    y = scan(
        x.view(-1, sizes.heads, sizes.per_head),
        dt,
        -torch.exp(weights.a_log.to(wide)),
        b.view(-1, sizes.groups, sizes.states),
        c.view(-1, sizes.groups, sizes.states),
        weights.d,
        documents,
        sizes.chunk,
    )
    return _gated_norm(y.reshape(-1, sizes.inner), gate, weights.norm, sizes)


def _convolved(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, positions: torch.Tensor) -> torch.Tensor:
    """silu of the causal depthwise convolution of x [T, channels] by weight [channels, 1, taps]; a tap that would reach into the document before is zero."""
    taps = weight.shape[-1]
    kernel, wide = weight[:, 0].to(_wide(x.dtype)), x.to(_wide(x.dtype))
    total = wide * kernel[:, -1]
    for back in range(1, taps):
        shifted = F.pad(wide, (0, 0, back, 0))[: x.shape[0]]
        total = total + torch.where((positions >= back)[:, None], shifted * kernel[:, taps - 1 - back], 0.0)
    if bias is not None:
        total = total + bias
    return F.silu(total).to(x.dtype)


def _gated_norm(y: torch.Tensor, gate: torch.Tensor, weight: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    wide = _wide(y.dtype)
    gated = (y.to(wide) * F.silu(gate.to(wide))).view(y.shape[0], sizes.groups, -1)
    normal = gated * torch.rsqrt(gated.square().mean(dim=-1, keepdim=True) + sizes.epsilon)
    return weight * normal.view_as(y).to(y.dtype)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _with_mamba_ssm(projected: torch.Tensor, weights: Weights, packing: Packing, sizes: Sizes) -> torch.Tensor:
    from causal_conv1d import causal_conv1d_fn
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    gate, convolved, dt = projected[None].split(sizes.projected, dim=-1)
    sequence = packing.documents[None].contiguous()
    # The kernel wants channels last, which is what a transposed view of [1, T, channels] is.
    convolved = causal_conv1d_fn(
        convolved.contiguous().transpose(1, 2), weights.conv.squeeze(1), weights.conv_bias, seq_idx=sequence, activation="silu"
    ).transpose(1, 2)
    x, b, c = convolved.split(sizes.convolved, dim=-1)
    y = mamba_chunk_scan_combined(
        x.reshape(1, -1, sizes.heads, sizes.per_head),
        dt,
        -torch.exp(weights.a_log.float()),
        b.reshape(1, -1, sizes.groups, sizes.states),
        c.reshape(1, -1, sizes.groups, sizes.states),
        chunk_size=sizes.chunk,
        D=weights.d,
        dt_bias=weights.dt_bias,
        dt_softplus=True,
        dt_limit=sizes.limits,
        seq_idx=sequence,
    )
    return _gated_norm(y.reshape(-1, sizes.inner), gate[0], weights.norm, sizes)
