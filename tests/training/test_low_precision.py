from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.errors import TrainingError  # noqa: E402
from training.low_precision import autocast, missing_for  # noqa: E402


@pytest.mark.parametrize("wanted", ["mxfp8", "nvfp4"])
@pytest.mark.parametrize(
    ("capability", "installed", "says"),
    [
        (None, True, "torch sees no GPU; use precision"),
        ((9, 0), True, "this GPU has 9.0"),
        ((8, 9), False, "this GPU has 8.9"),
        ((10, 0), False, "pip install 'transformer-engine"),
        ((12, 0), True, None),
    ],
)
def test_what_is_missing_is_said_in_one_line(wanted, capability, installed, says):
    found = missing_for(wanted, capability=capability, installed=installed)
    assert (found is None) == (says is None)
    if says:
        assert says in found
        assert found.startswith(wanted)
        assert "\n" not in found


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU may have it")
def test_asking_for_it_without_a_gpu_is_an_error():
    with pytest.raises(TrainingError, match="torch sees no GPU"):
        autocast("mxfp8")
