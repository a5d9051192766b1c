"""Weights in 4 bits: blocks of 64 numbers, each the nearest of 16 levels times the block's largest magnitude.

The layout is bitsandbytes' (two numbers a byte, the first in the high half), so its files and its numbers can be compared. Quantising and dequantising are
here because a fused expert tensor has to be expanded in one pass, into bf16, on whichever device it lies.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import torch
from torch import nn

BLOCK: Final = 64
Levels = Literal["nf4", "fp4"]

# Dettmers et al. 2023, appendix E; and bitsandbytes' FP4 (1 sign, 2 exponent, 1 mantissa bit), whose codes are not in order of value.
_NF4: Final = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
_FP4_HALF: Final = (0.0, 0.0052083333, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25)
_FP4: Final = (*_FP4_HALF, *(-level for level in _FP4_HALF))


def levels_of(kind: Levels, device: torch.device | str = "cpu") -> torch.Tensor:
    """[16], fp32, by code."""
    return torch.tensor(_NF4 if kind == "nf4" else _FP4, dtype=torch.float32, device=device)


def quantised(weight: torch.Tensor, kind: Levels = "nf4") -> tuple[torch.Tensor, torch.Tensor]:
    """The bytes [n/2] uint8 and the blocks' magnitudes [n/64] fp32 of a weight of any shape; the last block is filled with zeros."""
    if weight.is_meta:  # of a plan
        blocks = -(-weight.numel() // BLOCK)
        return weight.new_empty(blocks * BLOCK // 2, dtype=torch.uint8), weight.new_empty(blocks, dtype=torch.float32)
    flat = weight.detach().reshape(-1)
    missing = -flat.numel() % BLOCK
    if missing:
        flat = torch.cat([flat, flat.new_zeros(missing)])
    values, order = torch.sort(levels_of(kind, weight.device), stable=True)
    edges = (values[1:] + values[:-1]) / 2
    bytes_, magnitudes = [], []
    # A slice at a time: the fp32 copy and the codes of a fused tensor at once would be several times the tensor.
    for part in flat.split(BLOCK * 2**15):
        blocks = part.to(torch.float32).view(-1, BLOCK)
        largest = blocks.abs().amax(dim=1)
        scaled = blocks / largest.clamp(min=torch.finfo(torch.float32).tiny)[:, None]
        codes = order[torch.bucketize(scaled, edges, out_int32=True)].to(torch.uint8).view(-1, 2)
        bytes_.append(codes[:, 0] << 4 | codes[:, 1])
        magnitudes.append(largest)
    return torch.cat(bytes_), torch.cat(magnitudes)


def dequantised(
    packed: torch.Tensor, magnitudes: torch.Tensor, shape: torch.Size, dtype: torch.dtype, levels: torch.Tensor
) -> torch.Tensor:
    if packed.is_cuda:
        from training.kernels import expand_four_bits

        return expand_four_bits(packed, magnitudes, levels, dtype)[: shape.numel()].view(shape)
    codes = torch.stack([packed >> 4, packed & 15], dim=1).to(torch.int32).reshape(-1, BLOCK)
    return (levels[codes] * magnitudes[:, None]).to(dtype).reshape(-1)[: shape.numel()].view(shape)


class FourBits(nn.Module):
    """A frozen weight. `dense(dtype)` is the tensor for one use; it is made anew each time."""

    packed: torch.Tensor
    magnitudes: torch.Tensor
    levels: torch.Tensor

    def __init__(self, weight: torch.Tensor, kind: Levels = "nf4") -> None:
        super().__init__()
        packed, magnitudes = quantised(weight, kind)
        self.shape = weight.shape
        self.register_buffer("packed", packed)
        self.register_buffer("magnitudes", magnitudes)
        self.register_buffer("levels", levels_of(kind, weight.device))

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        return dequantised(self.packed, self.magnitudes, self.shape, dtype, self.levels)


class FourBitLinear(nn.Linear):
    """A linear layer whose weight is held in 4 bits; PEFT wraps it as any linear layer. `weight` is an empty tensor that says device and type only."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, kind: Levels = "nf4") -> None:
        nn.Module.__init__(self)
        self.out_features, self.in_features = weight.shape
        self.weight = nn.Parameter(weight.new_empty(0), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.stored = FourBits(weight, kind)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self.stored.dense(x.dtype), self.bias) if not x.requires_grad else _Expanded.apply(x, self)


class _Expanded(torch.autograd.Function):
    """Keeps the bytes between forward and backward, not the expanded weight."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: FourBitLinear) -> torch.Tensor:
        ctx.layer = layer
        return torch.nn.functional.linear(x, layer.stored.dense(x.dtype), layer.bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        layer: FourBitLinear = ctx.layer
        return gradient @ layer.stored.dense(gradient.dtype), None
