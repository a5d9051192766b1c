from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training import ssd  # noqa: E402

LENGTHS = (5, 1, 20, 27)


@pytest.fixture
def inputs():
    """x, dt, a, b, c, d, documents in fp64: 53 tokens of four documents, 8 heads in 2 groups."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    documents = torch.cat([torch.full((length,), index) for index, length in enumerate(LENGTHS)]).int()
    x, b, c = (draw(53, *shape).requires_grad_() for shape in ((8, 4), (2, 6), (2, 6)))
    dt = torch.rand(53, 8, dtype=torch.float64, generator=generator).requires_grad_()
    return x, dt, -3 * torch.rand(8, dtype=torch.float64, generator=generator), b, c, draw(8), documents


def token_by_token(x, dt, a, b, c, d, documents):
    """The recurrence as it is defined."""
    state, out = torch.zeros(8, 4, 6, dtype=x.dtype), []
    for t in range(x.shape[0]):
        if t and documents[t] != documents[t - 1]:
            state = torch.zeros_like(state)
        of_heads = [part[t].repeat_interleave(4, dim=0)[:, None] for part in (b, c)]
        state = state * torch.exp(dt[t] * a)[:, None, None] + (dt[t, :, None] * x[t])[..., None] * of_heads[0]
        out.append((state * of_heads[1]).sum(-1) + d[:, None] * x[t])
    return torch.stack(out)


@pytest.mark.parametrize("scan", [ssd.scan_plain, ssd.scan_matmul])
@pytest.mark.parametrize("chunk", [8, 16, 64])
def test_a_scan_in_chunks_is_the_recurrence_forward_and_backward(inputs, scan, chunk):
    weights = torch.randn(53, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    wanted, found = token_by_token(*inputs), scan(*inputs, chunk)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    gradients = (torch.autograd.grad((y * weights).sum(), leaves) for y in (found, wanted))
    for mine, true in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, true, rtol=0, atol=1e-11)


@pytest.mark.parametrize("scan", [ssd.scan_plain, ssd.scan_matmul])
def test_packed_documents_scan_as_they_do_alone(inputs, scan):
    *tensors, documents = inputs
    x, dt, a, b, c, d = tensors
    together = scan(*inputs, 16)
    start = 0
    for length in LENGTHS:
        part = slice(start, start + length)
        alone = scan(x[part], dt[part], a, b[part], c[part], d, torch.zeros_like(documents[part]), 16)
        torch.testing.assert_close(together[part], alone, rtol=0, atol=1e-12)
        start += length


def test_the_two_scans_agree_in_fp32(inputs):
    single = [tensor.detach().float() if tensor.is_floating_point() else tensor for tensor in inputs]
    torch.testing.assert_close(ssd.scan_plain(*single, 16), ssd.scan_matmul(*single, 16), rtol=1e-5, atol=1e-5)


def test_the_operator_of_states_is_well_formed(inputs):
    added = torch.randn(5, 3, 7, dtype=torch.float64, requires_grad=True)
    through = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    torch.library.opcheck(
        ssd.entering_states, (added, through), test_utils=("test_schema", "test_faketensor", "test_autograd_registration")
    )
    assert torch.autograd.gradcheck(ssd.entering_states, (added, through))


def test_no_tensor_of_the_scan_holds_a_pair_of_places_by_heads_by_state(inputs):
    """The reference of transformers makes [chunks, chunk, chunk, heads, state] at once: 32 GiB at 8,192 tokens."""
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest = max(largest, out.numel())
            return out

    detached = [tensor.detach() for tensor in inputs]
    for scan in (ssd.scan_plain, ssd.scan_matmul):
        with Watch():
            scan(*detached, 16)
    assert largest <= 4 * 16 * 16 * 8  # [chunks, chunk, chunk, heads]
