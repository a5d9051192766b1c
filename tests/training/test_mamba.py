from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from training import mamba  # noqa: E402
from training.packing import packing_of  # noqa: E402

HEADS, PER_HEAD, GROUPS, STATES = 8, 4, 2, 6
INNER, CHANNELS = HEADS * PER_HEAD, HEADS * PER_HEAD + 2 * GROUPS * STATES


def mixer() -> SimpleNamespace:
    """What `mixed` reads of one of transformers' mixers."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return SimpleNamespace(
        num_heads=HEADS, head_dim=PER_HEAD, n_groups=GROUPS, ssm_state_size=STATES, chunk_size=16, time_step_limit=(0.0, float("inf")),
        conv1d=SimpleNamespace(weight=draw(CHANNELS, 1, 4), bias=draw(CHANNELS)), dt_bias=draw(HEADS), A_log=draw(HEADS).abs(), D=draw(HEADS),
        norm=SimpleNamespace(weight=draw(INNER), variance_epsilon=1e-5),
    )  # fmt: skip


def test_what_is_compiled_is_one_graph_and_the_same_function(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.compile(mamba._batched, dynamic=False, fullgraph=True, backend="aot_eager")  # raises where the graph would break
    monkeypatch.setattr(mamba, "_compiled", lambda: whole)
    packing = packing_of(torch.cat([torch.arange(20), torch.arange(33)]))
    projected = torch.randn(53, INNER + CHANNELS + HEADS, generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = []
    for path in ("plain", "compiled"):
        out = mamba.mixed(mixer(), projected, packing, path)
        assert out.abs().max() > 0.1
        found.append((out, *torch.autograd.grad(out.square().sum(), projected)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
