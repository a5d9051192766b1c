"""A frozen linear layer with its LoRA pair as one step: what is before it (a norm, an activation) is run again in the backward pass instead of kept.

What a plain adapter is not (dropout, DoRA, a merged or switched-off one) goes the ordinary way through the module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training.four_bits import FourBitLinear

Prepare = Callable[[torch.Tensor], torch.Tensor]


def projected(layer: nn.Module, x: torch.Tensor, prepare: Prepare) -> torch.Tensor:
    """layer(prepare(x)) for x [T, in]."""
    base, pair, scaling = _parts(layer)
    if base is None:
        out: torch.Tensor = layer(prepare(x))
        return out
    a, b = pair if pair is not None else (None, None)
    result: torch.Tensor = _Projected.apply(x, a, b, base, scaling, prepare)
    return result


def dense_weight(layer: nn.Linear, dtype: torch.dtype) -> torch.Tensor:
    """[out, in]"""
    return layer.stored.dense(dtype) if isinstance(layer, FourBitLinear) else layer.weight


def _parts(layer: nn.Module) -> tuple[nn.Linear | None, tuple[torch.Tensor, torch.Tensor] | None, float]:
    """The frozen layer (None: go the ordinary way), its pair and the pair's scaling."""
    base: Any = getattr(layer, "base_layer", None)
    if base is None:
        return (layer, None, 1.0) if isinstance(layer, nn.Linear) and not layer.weight.requires_grad else (None, None, 1.0)
    held: Any = layer
    if held.disable_adapters and not held.merged:
        return _parts(base)
    names = held.active_adapters
    plain = (
        len(names) == 1 and names[0] in held.lora_A and not held.merged and isinstance(base, nn.Linear) and not base.weight.requires_grad
    )
    if not plain or held.use_dora.get(names[0]) or isinstance(held.lora_dropout[names[0]], nn.Dropout):
        return None, None, 1.0
    return base, (held.lora_A[names[0]].weight, held.lora_B[names[0]].weight), held.scaling[names[0]]


class _Projected(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, a: torch.Tensor | None, b: torch.Tensor | None, base: nn.Linear, scaling: float, prepare: Prepare
    ) -> torch.Tensor:
        ctx.base, ctx.scaling, ctx.prepare = base, scaling, prepare
        ctx.save_for_backward(x, a, b)
        z = prepare(x)
        out = F.linear(z, dense_weight(base, z.dtype), base.bias)
        if a is not None and b is not None:
            out.addmm_(F.linear(z, a.to(z.dtype)), (b * scaling).to(z.dtype).t())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        x, a, b = ctx.saved_tensors
        dtype = gradient.dtype
        a_gradient = b_gradient = x_gradient = None
        with torch.enable_grad():
            source = x.detach().requires_grad_()
            prepared = ctx.prepare(source)
        z = prepared.detach()
        z_gradient = gradient @ dense_weight(ctx.base, dtype) if ctx.needs_input_grad[0] else None
        if a is not None:
            low, high = a.to(dtype), (b * ctx.scaling).to(dtype)
            thin = gradient @ high
            a_gradient = (thin.t() @ z).to(a.dtype)
            b_gradient = (gradient.t() @ F.linear(z, low)).to(b.dtype) * ctx.scaling
            if z_gradient is not None:
                z_gradient.addmm_(thin, low)
        if z_gradient is not None:
            (x_gradient,) = torch.autograd.grad(prepared, source, z_gradient)
        return x_gradient, a_gradient, b_gradient, None, None, None
