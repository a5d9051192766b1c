"""What a Mamba-2 mixer of transformers' `nemotron_h` does between its two projections, for packed documents: convolution, scan, gate and norm. Three ways."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

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


def mixed(mixer: Any, projected: torch.Tensor, packing: Packing, path: Path) -> torch.Tensor:
    """projected [T, gate + x, B, C + dt] of `in_proj` to [T, heads * P] for `out_proj`."""
    within: Callable[..., torch.Tensor] = {"mamba_ssm": _with_mamba_ssm, "compiled": _compiled(), "plain": _plain}[path]
    shape = (mixer.num_heads, mixer.head_dim, mixer.n_groups, mixer.ssm_state_size, mixer.chunk_size)
    frozen = (mixer.conv1d.weight, mixer.conv1d.bias, mixer.dt_bias, mixer.A_log, mixer.D, mixer.norm.weight)
    limits = tuple(float(limit) for limit in mixer.time_step_limit)
    return within(projected, *frozen, packing.positions, packing.documents, shape, limits, mixer.norm.variance_epsilon)


def _plain(*arguments: Any) -> torch.Tensor:
    return _in_torch(*arguments, scan=scan_plain)


def _batched(*arguments: Any) -> torch.Tensor:
    return _in_torch(*arguments, scan=scan_matmul)


@cache
def _compiled() -> Callable[..., torch.Tensor]:
    """Compiled on its first call, once for a length of row. Without a GPU it runs as it is written."""
    # torch gives up on compiling after eight shapes and goes on without; rows come in more lengths, and each length pays.
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    return torch.compile(_batched, dynamic=False) if torch.cuda.is_available() else _batched


def _in_torch(
    projected: torch.Tensor,
    conv_weight: torch.Tensor,
    conv_bias: torch.Tensor | None,
    dt_bias: torch.Tensor,
    a_log: torch.Tensor,
    d: torch.Tensor,
    norm_weight: torch.Tensor,
    positions: torch.Tensor,
    documents: torch.Tensor,
    shape: tuple[int, int, int, int, int],
    limits: tuple[float, float],
    epsilon: float,
    *,
    scan: Callable[..., torch.Tensor],
) -> torch.Tensor:
    heads, size, groups, states, chunk = shape
    inner, wide = heads * size, _wide(projected.dtype)
    gate, convolved, dt = projected.split([inner, inner + 2 * groups * states, heads], dim=-1)
    convolved = _convolved(convolved, conv_weight, conv_bias, positions)
    x, b, c = convolved.split([inner, groups * states, groups * states], dim=-1)
    dt = F.softplus(dt.to(wide) + dt_bias.to(wide)).clamp(*limits)
    y = scan(
        x.view(-1, heads, size),
        dt,
        -torch.exp(a_log.to(wide)),
        b.view(-1, groups, states),
        c.view(-1, groups, states),
        d,
        documents,
        chunk,
    )
    return _gated_norm(y.reshape(-1, inner), gate, norm_weight, groups, epsilon)


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


def _gated_norm(y: torch.Tensor, gate: torch.Tensor, weight: torch.Tensor, groups: int, epsilon: float) -> torch.Tensor:
    wide = _wide(y.dtype)
    gated = (y.to(wide) * F.silu(gate.to(wide))).view(y.shape[0], groups, -1)
    normal = gated * torch.rsqrt(gated.square().mean(dim=-1, keepdim=True) + epsilon)
    return weight * normal.view_as(y).to(y.dtype)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _with_mamba_ssm(
    projected: torch.Tensor,
    conv_weight: torch.Tensor,
    conv_bias: torch.Tensor | None,
    dt_bias: torch.Tensor,
    a_log: torch.Tensor,
    d: torch.Tensor,
    norm_weight: torch.Tensor,
    positions: torch.Tensor,
    documents: torch.Tensor,
    shape: tuple[int, int, int, int, int],
    limits: tuple[float, float],
    epsilon: float,
) -> torch.Tensor:
    from causal_conv1d import causal_conv1d_fn
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    heads, size, groups, states, chunk = shape
    inner = heads * size
    gate, convolved, dt = projected[None].split([inner, inner + 2 * groups * states, heads], dim=-1)
    sequence = documents[None].contiguous()
    # The kernel wants channels last, which is what a transposed view of [1, T, channels] is.
    convolved = causal_conv1d_fn(
        convolved.contiguous().transpose(1, 2), conv_weight.squeeze(1), conv_bias, seq_idx=sequence, activation="silu"
    ).transpose(1, 2)
    x, b, c = convolved.split([inner, groups * states, groups * states], dim=-1)
    y = mamba_chunk_scan_combined(
        x.reshape(1, -1, heads, size),
        dt,
        -torch.exp(a_log.float()),
        b.reshape(1, -1, groups, states),
        c.reshape(1, -1, groups, states),
        chunk_size=chunk,
        D=d,
        dt_bias=dt_bias,
        dt_softplus=True,
        dt_limit=limits,
        seq_idx=sequence,
    )
    return _gated_norm(y.reshape(-1, inner), gate[0], norm_weight, groups, epsilon)
