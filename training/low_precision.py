"""Products in MXFP8 and NVFP4: what a machine has of them, in words, for `harness doctor` and for whoever asks for them in a configuration.

`harness train` multiplies in bf16 on every GPU. Transformer Engine multiplies in these block formats on Blackwell's matrix units; a way through it that nobody here
can run would be a guess, so there is none. No torch in here.
"""

from __future__ import annotations

from typing import Final

FORMATS: Final = ("mxfp8", "nvfp4")

# sm_100 and sm_120 have units for both; Hopper has FP8 by tensor only.
_LEAST: Final = (10, 0)


def words_on(capability: tuple[int, int] | None, *, installed: bool) -> str:
    """What stands between this compute capability (None: no NVIDIA GPU) and products in these formats, in one line. `installed`: Transformer Engine."""
    if capability is None:
        words = f"none: they need an NVIDIA GPU of compute capability {_LEAST[0]}.{_LEAST[1]} (Blackwell), and no such GPU is seen"
    elif capability < _LEAST:
        words = f"none: they need compute capability {_LEAST[0]}.{_LEAST[1]} (Blackwell), and this GPU has {capability[0]}.{capability[1]}"
    else:
        engine = "is installed" if installed else "is not installed (pip install 'transformer-engine[pytorch]')"
        words = f"the GPU has them, by its compute capability {capability[0]}.{capability[1]}; Transformer Engine {engine}"
    return f"{words}; `harness train` multiplies in bf16"


def refusal(wanted: str) -> str:
    """What is said to a configuration that asks for one of the formats."""
    return (
        f"precision = {wanted!r} is not built: `harness train` multiplies in bf16 on every machine, those whose GPU has products in {wanted.upper()} too "
        "(`harness doctor` says whether this one does); use 'bf16', or 'nf4' for a base that has to be small"
    )
