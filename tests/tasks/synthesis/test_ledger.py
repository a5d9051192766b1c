"""Work that was stopped goes on where it was; work of other settings does not go on in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.synthesis.ledger import Ledger


def test_entries_are_there_again_but_for_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "suite/.work/ledger.jsonl"
    first = Ledger(file, {"seed": 1})
    first.add("a", {"reason": ""})
    first.add("b", {"reason": "no test fails"})
    first.close()
    with file.open("a") as stream:
        stream.write('{"key": "c", "rea')
    second = Ledger(file, {"seed": 1})
    assert second.entries == {"a": {"reason": ""}, "b": {"reason": "no test fails"}}
    second.add("d", {"reason": ""})
    second.close()
    third = Ledger(file, {"seed": 1})
    assert set(third.entries) == {"a", "b", "d"}
    with pytest.raises(TaskError, match="another process works on it"):
        Ledger(file, {"seed": 1})
    third.close()


def test_other_settings_are_named(tmp_path: Path) -> None:
    file = tmp_path / "suite/.work/ledger.jsonl"
    Ledger(file, {"seed": 1, "image": "a"}).close()
    with pytest.raises(TaskError, match=r"other settings \(image, seed\)"):
        Ledger(file, {"seed": 2, "image": "b"})
