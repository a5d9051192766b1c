"""What a repository's tests say as it is, and whether its trials may run in one worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.synthesis.baseline import observe_baseline
from tasks.synthesis.project import Choices, read_project

ALONE = """\
import assert from 'node:assert/strict';
import { it } from 'vitest';

const space: { files?: number } = globalThis;
space.files = (space.files ?? 0) + 1;
it('is alone in its worker', () => { assert.equal(space.files, 1); });
"""


@pytest.mark.slow
@pytest.mark.parametrize("alone", [False, True])
async def test_trials_share_a_worker_where_all_tests_pass_so(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], write_files: Any, open_image: Any, alone: bool
) -> None:
    files = make_shelf("vitest")
    files["test/more.test.ts"] = files["test/shelf.test.ts"]
    if alone:
        files |= {f"test/{name}.test.ts": ALONE for name in ("one", "two")}
    write_files(tmp_path / "shelf", files)
    project = read_project(tmp_path / "shelf", Choices())
    async with open_image("node24") as open_sandbox:
        baseline = await observe_baseline(project, "node24", open_sandbox, lambda line: None, repeats=1)
    assert baseline.one_worker is not alone
    assert baseline.lost == baseline.failing == baseline.flaky == ()
    assert len(baseline.tests) == 16 + 2 * alone
