"""An image with a parent, on both backends: the parent's Node, and packages of its own in place of the parent's."""

from __future__ import annotations

import pytest

from harness.engines import bare_engine
from sandboxes.sandbox import Limits, opener
from tests.conftest import BACKENDS


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_box_of_an_image_with_a_parent_has_the_parent_s_node_and_its_own_packages(backend: str) -> None:
    engine = bare_engine(backend, "synthesis", lambda line: None)  # type: ignore[arg-type]
    await engine.start()
    try:
        async with opener(engine, Limits())() as box:
            found = await box.exec(
                ["bash", "-c", "node --version; ls /workspace/node_modules; touch /workspace/node_modules/x"], timeout_seconds=30
            )
    finally:
        await engine.close()
    words = found.stdout.text().split()
    assert words[0].startswith("v24.")
    assert "ts-morph" in words
    assert "vitest" not in words
    assert not found.ok
