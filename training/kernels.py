"""Triton kernels for what is bound by memory traffic and has no fused form in torch. Each has a plain torch twin beside its caller."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


@triton.jit
def _expand(packed, magnitudes, levels, out, count, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    first = tl.program_id(0).to(tl.int64) * BLOCK
    places = first + tl.arange(0, BLOCK)
    inside = places < count
    byte = tl.load(packed + places, mask=inside, other=0).to(tl.int32)
    scale = tl.load(magnitudes + places // 32, mask=inside, other=0.0)
    pair = tl.interleave(tl.load(levels + (byte >> 4)) * scale, tl.load(levels + (byte & 15)) * scale)
    targets = 2 * first + tl.arange(0, 2 * BLOCK)
    tl.store(out + targets, pair.to(out.dtype.element_ty), mask=targets < 2 * count)


def expand_four_bits(packed: torch.Tensor, magnitudes: torch.Tensor, levels: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """[2 * bytes] of `dtype`."""
    count = packed.numel()
    out = torch.empty(2 * count, dtype=dtype, device=packed.device)
    _expand[(triton.cdiv(count, 2048),)](packed, magnitudes, levels, out, count, BLOCK=2048)
    return out


@triton.jit
def _combine(rows, places, out, width, CHOICES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    token = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    total = tl.zeros((BLOCK,), tl.float32)
    for choice in tl.static_range(CHOICES):
        place = tl.load(places + token * CHOICES + choice).to(tl.int64)
        total += tl.load(rows + place * width + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + token * width + columns, total.to(out.dtype.element_ty), mask=inside)


def combine(rows: torch.Tensor, places: torch.Tensor, choices: int) -> torch.Tensor:
    """[T, width]: for each token the sum, in fp32, of its `choices` rows, found at `places` [T * choices]."""
    tokens, width = places.numel() // choices, rows.shape[1]
    out = rows.new_empty(tokens, width)
    _combine[(tokens, triton.cdiv(width, 1024))](rows, places, out, width, CHOICES=choices, BLOCK=1024)
    return out


@triton.jit
def _squared_relu(hidden, weights, out, width, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    value = tl.load(hidden + row * width + columns, mask=inside, other=0.0).to(tl.float32)
    positive = tl.maximum(value, 0.0)
    tl.store(out + row * width + columns, (positive * positive * tl.load(weights + row)).to(out.dtype.element_ty), mask=inside)


def weighted_squared_relu(hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """relu(hidden)² times its row's weight: [S, width], and [S] fp32."""
    out = torch.empty_like(hidden)
    _squared_relu[(hidden.shape[0],)](hidden, weights, out, hidden.shape[1], BLOCK=triton.next_power_of_2(hidden.shape[1]))
    return out


@triton.jit
def _squared_relu_backward(gradient, hidden, weights, weight_gradients, width, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    incoming = tl.load(gradient + row * width + columns, mask=inside, other=0.0).to(tl.float32)
    positive = tl.maximum(tl.load(hidden + row * width + columns, mask=inside, other=0.0).to(tl.float32), 0.0)
    tl.store(weight_gradients + row, tl.sum(incoming * positive * positive, axis=0))
    outgoing = incoming * 2.0 * positive * tl.load(weights + row)
    tl.store(gradient + row * width + columns, outgoing.to(gradient.dtype.element_ty), mask=inside)


def weighted_squared_relu_backward(
    gradient: torch.Tensor, hidden: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of hidden, written over `gradient`; and of the weights [S] fp32."""
    weight_gradients = torch.empty_like(weights)
    _squared_relu_backward[(hidden.shape[0],)](
        gradient, hidden, weights, weight_gradients, hidden.shape[1], BLOCK=triton.next_power_of_2(hidden.shape[1])
    )
    return gradient, weight_gradients


@triton.jit
def _pass_states(added, decays, entering, chunks, heads, size, REVERSE: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    head = tl.program_id(0).to(tl.int64)
    places = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = places < size
    state = tl.zeros((BLOCK,), tl.float32)
    for step in range(chunks):
        chunk = chunks - 1 - step if REVERSE else step
        base = (head + chunk * heads) * size
        tl.store(entering + base + places, state.to(entering.dtype.element_ty), mask=inside)
        value = tl.load(added + base + places, mask=inside, other=0.0).to(tl.float32)
        state = state * tl.load(decays + chunk * heads + head) + value


def pass_states(added: torch.Tensor, decays: torch.Tensor, *, reverse: bool) -> torch.Tensor:
    """The state that enters each chunk: added [chunks, heads, size], decays [chunks, heads] fp32; `reverse` runs from the last chunk to the first."""
    chunks, heads, size = added.shape
    entering = torch.empty_like(added)
    _pass_states[(heads, triton.cdiv(size, 1024))](added, decays, entering, chunks, heads, size, REVERSE=reverse, BLOCK=1024)
    return entering
