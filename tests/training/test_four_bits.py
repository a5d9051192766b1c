from __future__ import annotations

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from training.four_bits import FourBitLinear, FourBits, dequantised, levels_of, quantised  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_bytes_and_numbers_are_those_of_bitsandbytes(kind):
    functional = pytest.importorskip("bitsandbytes.functional")
    weight = torch.randn(40, 192, generator=torch.Generator().manual_seed(0))
    packed, magnitudes = quantised(weight, kind)
    theirs, state = functional.quantize_4bit(weight, blocksize=64, quant_type=kind)
    assert torch.equal(packed, theirs.view(-1))
    assert torch.equal(magnitudes, state.absmax)
    assert torch.equal(
        dequantised(packed, magnitudes, weight.shape, weight.dtype, levels_of(kind)), functional.dequantize_4bit(theirs, state)
    )


@pytest.mark.parametrize("shape", [(3, 5, 7), (64,), (1, 1)])
def test_any_shape_comes_back_within_half_a_level(shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    held = FourBits(weight)
    back = held.dense(torch.float32)
    assert back.shape == weight.shape
    assert (back - weight).abs().max() <= 0.16 * weight.abs().max()
    again = FourBits(back)
    assert torch.equal(again.dense(torch.float32), back)


def test_a_block_of_zeros_stays_zero():
    assert not FourBits(torch.zeros(2, 64)).dense(torch.float32).any()


def test_a_linear_layer_in_four_bits_passes_the_gradient_of_its_expanded_weight():
    weight = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    layer = FourBitLinear(weight, torch.ones(16))
    x = torch.randn(5, 64, requires_grad=True)
    layer(x).square().sum().backward()
    y = x.detach().requires_grad_()
    torch.nn.functional.linear(y, layer.stored.dense(torch.float32), torch.ones(16)).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    with torch.no_grad():
        torch.testing.assert_close(layer(x.detach()), torch.nn.functional.linear(x, layer.stored.dense(torch.float32), torch.ones(16)))


KERNELS = """
import torch
from training import kernels, ssd
from training.four_bits import dequantised, levels_of, quantised

torch.manual_seed(0)
weight = torch.randn(40, 192)
for kind in ("nf4", "fp4"):
    packed, magnitudes = quantised(weight, kind)
    levels = levels_of(kind)
    found = kernels.expand_four_bits(packed, magnitudes, levels, torch.float32).view_as(weight)
    assert torch.equal(found, dequantised(packed, magnitudes, weight.shape, weight.dtype, levels)), kind

hidden, weights, gradient = torch.randn(10, 24, requires_grad=True), torch.rand(10, requires_grad=True), torch.randn(10, 24)
out = torch.relu(hidden).square() * weights[:, None]
out.backward(gradient)
torch.testing.assert_close(kernels.weighted_squared_relu(hidden.detach(), weights.detach()), out.detach())
of_hidden, of_weights = kernels.weighted_squared_relu_backward(gradient.clone(), hidden.detach(), weights.detach())
torch.testing.assert_close(of_hidden, hidden.grad)
torch.testing.assert_close(of_weights, weights.grad)

places, rows = torch.randperm(12), torch.randn(12, 1500)
torch.testing.assert_close(kernels.combine(rows, places, 3), rows[places].view(4, 3, 1500).sum(1))
added, through = torch.randn(5, 3, 1100), torch.rand(5, 3)
for reverse in (False, True):
    torch.testing.assert_close(kernels.pass_states(added, through, reverse=reverse), ssd._passed(added, through, reverse=reverse))
"""


def test_triton_kernels_compute_what_their_torch_twins_do():
    """Under Triton's interpreter, which is chosen before Triton is imported."""
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-c", KERNELS], env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
