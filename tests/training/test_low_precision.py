from __future__ import annotations

from pathlib import Path

import pytest

from training.config import SftConfig, read_config
from training.errors import TrainingError
from training.low_precision import FORMATS, words_on


@pytest.mark.parametrize(
    ("capability", "installed", "says"),
    [
        (None, True, "(Blackwell), and no such GPU is seen;"),
        ((9, 0), True, "this GPU has 9.0;"),
        ((8, 9), False, "this GPU has 8.9;"),
        ((10, 0), False, "Transformer Engine is not installed (pip install"),
        ((12, 0), True, "by its compute capability 12.0; Transformer Engine is installed;"),
    ],
)
def test_what_a_machine_has_of_it_is_said_in_one_line(capability: tuple[int, int] | None, installed: bool, says: str) -> None:
    words = words_on(capability, installed=installed)
    assert says in words
    assert "\n" not in words
    assert words.startswith("none: ") == (capability is None or capability < (10, 0))
    assert words.endswith("`harness train` multiplies in bf16")


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_configuration_that_asks_for_it_is_told_why_not_and_what_to_use(wanted: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'output = "run"\n[base]\npath = "model"\nprecision = "{wanted}"\n')
    with pytest.raises(TrainingError, match=rf"c\.toml: base: precision = '{wanted}' is not built: .* use 'bf16', or 'nf4'"):
        read_config(file, SftConfig)
