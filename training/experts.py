"""The fused experts of a mixture layer: frozen weights, whole or in 4 bits, and a LoRA pair for each expert.

Takes the place of transformers' module and is called as it is. What it adds: frozen weights get no gradient computed, 4-bit weights are expanded for one
multiplication at a time, the forward pass keeps the hidden rows only (the routing weights' gradient is had from them, so that nothing is multiplied twice), and a
LoRA pair costs two thin grouped products instead of a dense `W + BA`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training.four_bits import FourBits, Levels


class Experts(nn.Module):
    """E experts: `up` [E, I, H] (gated: `gate_up_proj` [E, 2I, H]) and `down` [E, H, I]. Ungated: relu²; gated: silu(gate) * up."""

    def __init__(self, up: torch.Tensor, down: torch.Tensor, *, gated: bool, levels: Levels | None) -> None:
        """`levels`: None holds the weights as they are."""
        super().__init__()
        self.gated = gated
        self.num_experts = up.shape[0]
        self.names = ("gate_up_proj" if gated else "up_proj", "down_proj")
        self.shapes = dict(zip(self.names, (up.shape, down.shape), strict=True))
        for name, weight in zip(self.names, (up, down), strict=True):
            if levels is None:
                self.register_parameter(name, nn.Parameter(weight, requires_grad=False))
            else:
                self.add_module(name, FourBits(weight, levels))
        self.lora_a = nn.ParameterDict()
        self.lora_b = nn.ParameterDict()
        self.scaling: dict[str, float] = {}
        self.adapters_on = True

    def dense(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """[E, out, in]"""
        held = getattr(self, name)
        return held.dense(dtype) if isinstance(held, FourBits) else held

    def adapt(self, name: str, rank: int, scaling: float) -> list[nn.Parameter]:
        """Adds A [E, r, in], drawn as PEFT draws it, and B [E, out, r], zero; both fp32."""
        experts, out_size, in_size = self.shapes[name]
        device = next(chain(self.buffers(), self.parameters())).device
        a = torch.empty(experts, rank, in_size, dtype=torch.float32, device=device)
        # PEFT draws [E * r, in] at once, whose fan-in is `in`.
        nn.init.kaiming_uniform_(a.view(-1, in_size), a=math.sqrt(5))
        self.lora_a[name] = nn.Parameter(a)
        self.lora_b[name] = nn.Parameter(torch.zeros(experts, out_size, rank, dtype=torch.float32, device=device))
        self.scaling[name] = scaling
        return [self.lora_a[name], self.lora_b[name]]

    def forward(self, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor) -> torch.Tensor:
        """[T, H], chosen experts [T, k] and their weights [T, k] to [T, H]."""
        route = routed(top_k_index, self.num_experts)
        pairs: list[torch.Tensor | None] = []
        for name in self.names:
            on = self.adapters_on and name in self.lora_a
            pairs += [self.lora_a[name], self.lora_b[name]] if on else [None, None]
        out: torch.Tensor = _Forward.apply(hidden_states, top_k_weights, *pairs, self, route)
        return out


@dataclass(frozen=True, slots=True)
class Route:
    """Which rows go where: S = T * k rows in the order of their experts."""

    order: torch.Tensor
    """[S]: the place in the flattened [T, k] of each sorted row."""
    places: torch.Tensor
    """[S]: its inverse."""
    offsets: torch.Tensor
    """[E], int32: where each expert's rows end."""
    choices: int

    @property
    def tokens(self) -> torch.Tensor:
        return self.order // self.choices


def routed(index: torch.Tensor, experts: int) -> Route:
    flat = index.reshape(-1)
    ranked, order = torch.sort(flat, stable=True)
    places = torch.empty_like(order)
    places[order] = torch.arange(order.numel(), device=order.device)
    bounds = torch.arange(experts, device=flat.device, dtype=ranked.dtype)
    offsets = torch.searchsorted(ranked, bounds, right=True).to(torch.int32)
    return Route(order, places, offsets, index.shape[-1])


def grouped(rows: torch.Tensor, weights: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Each expert's rows [S, in] by its own matrix of [E, in, out]."""
    if rows.is_cuda and rows.dtype == torch.bfloat16:
        return F.grouped_mm(rows, weights, offs=offsets)
    out = rows.new_zeros(rows.shape[0], weights.shape[2])
    for expert, (start, end) in enumerate(_bounds(offsets)):
        if end > start:
            out[start:end] = rows[start:end] @ weights[expert]
    return out


def grouped_outer(left: torch.Tensor, right: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """[E, m, n]: for each expert, its rows of left [S, m] transposed by its rows of right [S, n]."""
    if left.is_cuda and left.dtype == torch.bfloat16:
        return F.grouped_mm(left.transpose(0, 1), right, offs=offsets)
    out = left.new_zeros(offsets.shape[0], left.shape[1], right.shape[1])
    for expert, (start, end) in enumerate(_bounds(offsets)):
        out[expert] = left[start:end].transpose(0, 1) @ right[start:end]
    return out


def _bounds(offsets: torch.Tensor) -> list[tuple[int, int]]:
    ends = offsets.tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


class _Forward(torch.autograd.Function):
    """Adapter gradients are those of the weighted sum of experts; see the module's docstring for what is kept."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weights: torch.Tensor,
        up_a: torch.Tensor | None,
        up_b: torch.Tensor | None,
        down_a: torch.Tensor | None,
        down_b: torch.Tensor | None,
        experts: Experts,
        route: Route,
    ) -> torch.Tensor:
        up, down = experts.names
        offsets = route.offsets
        ranked_weights = weights.reshape(-1)[route.order].float() if x.dtype != torch.float64 else weights.reshape(-1)[route.order].double()
        rows = x.index_select(0, route.tokens)
        hidden = grouped(rows, experts.dense(up, x.dtype).transpose(1, 2), offsets)
        if up_a is not None and up_b is not None:
            thin = grouped(rows, up_a.to(x.dtype).transpose(1, 2), offsets)
            hidden += grouped(thin, (up_b * experts.scaling[up]).to(x.dtype).transpose(1, 2), offsets)
        del rows
        active = _activated(hidden, ranked_weights, gated=experts.gated)
        out_rows = grouped(active, experts.dense(down, x.dtype).transpose(1, 2), offsets)
        if down_a is not None and down_b is not None:
            thin = grouped(active, down_a.to(x.dtype).transpose(1, 2), offsets)
            out_rows += grouped(thin, (down_b * experts.scaling[down]).to(x.dtype).transpose(1, 2), offsets)
        del active
        ctx.experts, ctx.route = experts, route
        ctx.save_for_backward(x if up_a is not None else None, hidden, weights, up_a, up_b, down_a, down_b)
        return _combined(out_rows, route)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        x, hidden, weights, up_a, up_b, down_a, down_b = ctx.saved_tensors
        experts, route = ctx.experts, ctx.route
        up, down = experts.names
        offsets, dtype = route.offsets, gradient.dtype
        ranked_weights = weights.reshape(-1)[route.order].float() if dtype != torch.float64 else weights.reshape(-1)[route.order].double()
        up_a_gradient = up_b_gradient = down_a_gradient = down_b_gradient = None

        out_rows = gradient.contiguous().index_select(0, route.tokens)
        active = grouped(out_rows, experts.dense(down, dtype), offsets)
        if down_a is not None:
            a, b = down_a.to(dtype), (down_b * experts.scaling[down]).to(dtype)
            used = _activated(hidden, ranked_weights, gated=experts.gated)
            thin = grouped(used, a.transpose(1, 2), offsets)
            down_b_gradient = grouped_outer(out_rows, thin, offsets).to(down_b.dtype) * experts.scaling[down]
            thin = grouped(out_rows, b, offsets)
            down_a_gradient = grouped_outer(thin, used, offsets).to(down_a.dtype)
            active += grouped(thin, a, offsets)
            del used
        del out_rows
        hidden_gradient, ranked_gradient = _activated_backward(active, hidden, ranked_weights, gated=experts.gated)
        del active
        rows_gradient = grouped(hidden_gradient, experts.dense(up, dtype), offsets) if ctx.needs_input_grad[0] else None
        if up_a is not None:
            a, b = up_a.to(dtype), (up_b * experts.scaling[up]).to(dtype)
            rows = x.index_select(0, route.tokens)
            thin = grouped(rows, a.transpose(1, 2), offsets)
            up_b_gradient = grouped_outer(hidden_gradient, thin, offsets).to(up_b.dtype) * experts.scaling[up]
            thin = grouped(hidden_gradient, b, offsets)
            up_a_gradient = grouped_outer(thin, rows, offsets).to(up_a.dtype)
            if rows_gradient is not None:
                rows_gradient += grouped(thin, a, offsets)
        x_gradient = None if rows_gradient is None else _combined(rows_gradient, route)
        weights_gradient = ranked_gradient[route.places].view_as(weights).to(weights.dtype)
        return x_gradient, weights_gradient, up_a_gradient, up_b_gradient, down_a_gradient, down_b_gradient, None, None


def _combined(rows: torch.Tensor, route: Route) -> torch.Tensor:
    if rows.is_cuda:
        from training.kernels import combine

        return combine(rows, route.places, route.choices)
    return rows[route.places].view(-1, route.choices, rows.shape[1]).sum(dim=1)


def _activated(hidden: torch.Tensor, weights: torch.Tensor, *, gated: bool) -> torch.Tensor:
    """Times each row's routing weight, which is linear in what follows."""
    if gated:
        gate, up = hidden.chunk(2, dim=-1)
        return (F.silu(gate) * up * weights[:, None]).to(hidden.dtype)
    if hidden.is_cuda and hidden.dtype == torch.bfloat16:
        from training.kernels import weighted_squared_relu

        return weighted_squared_relu(hidden, weights)
    return (F.relu(hidden).square() * weights[:, None]).to(hidden.dtype)


def _activated_backward(
    gradient: torch.Tensor, hidden: torch.Tensor, weights: torch.Tensor, *, gated: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the hidden rows and of the routing weights; may write over `gradient`."""
    if gated:
        gate, up = hidden.chunk(2, dim=-1)
        sigmoid = torch.sigmoid(gate)
        silu = gate * sigmoid
        of_weights = (gradient * silu * up).sum(dim=-1, dtype=weights.dtype)
        scaled = gradient * weights[:, None].to(gradient.dtype)
        return torch.cat([scaled * up * (sigmoid + silu * (1 - sigmoid)), scaled * silu], dim=-1), of_weights
    if hidden.is_cuda and hidden.dtype == torch.bfloat16:
        from training.kernels import weighted_squared_relu_backward

        return weighted_squared_relu_backward(gradient, hidden, weights)
    positive = F.relu(hidden)
    of_weights = (gradient * positive.square()).sum(dim=-1, dtype=weights.dtype)
    return (gradient * 2 * positive * weights[:, None]).to(gradient.dtype), of_weights
