from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.export import export_layout, export_merged  # noqa: E402
from training.model import attach_adapters, load_adapter, load_base, save_adapter  # noqa: E402
from training.origin import check_origin, checkpoint_digest, read_origin  # noqa: E402
from training.recipe import find_recipe  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture
def adapter(qwen3: Path, tmp_path: Path, stir: Callable[[Any], None]) -> Path:
    model = load_base(BaseSettings(path=str(qwen3), precision="fp32"), find_recipe("qwen3"), "cpu")
    attach_adapters(model, find_recipe("qwen3"), AdapterSettings(rank=4))
    stir(model)
    save_adapter(model, tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.fixture
def other(qwen3: Path, tmp_path: Path) -> Path:
    """Another training of the same architecture: one layer's attention differs, all else is the same."""
    shutil.copytree(qwen3, tmp_path / "other")
    tensors = load_file(tmp_path / "other/model.safetensors")
    name = "model.layers.1.self_attn.q_proj.weight"
    save_file(tensors | {name: tensors[name] * 1.01}, tmp_path / "other/model.safetensors", metadata={"format": "pt"})
    return tmp_path / "other"


def test_a_copy_is_the_same_base_and_one_tensor_makes_another(qwen3: Path, other: Path, tmp_path: Path) -> None:
    shutil.copytree(qwen3, tmp_path / "copy")
    assert checkpoint_digest(tmp_path / "copy") == checkpoint_digest(qwen3) != checkpoint_digest(other)
    with pytest.raises(TrainingError, match="not a checkpoint"):
        checkpoint_digest(tmp_path / "none")
    (tmp_path / "copy/model.safetensors").write_bytes(b"\0" * 4)
    with pytest.raises(TrainingError, match="not a checkpoint"):
        checkpoint_digest(tmp_path / "copy")


def test_an_adapter_of_another_base_is_refused_wherever_it_would_be_used(adapter: Path, qwen3: Path, other: Path, tmp_path: Path) -> None:
    assert check_origin(adapter, qwen3)
    wanted = "the adapter is of another base"
    with pytest.raises(TrainingError, match=wanted):
        load_adapter(load_base(BaseSettings(path=str(other), precision="fp32"), None, "cpu"), adapter)
    with pytest.raises(TrainingError, match=wanted):
        export_merged(other, adapter, tmp_path / "merged", precision="fp32")
    with pytest.raises(TrainingError, match=wanted) as told:
        export_layout(adapter, tmp_path / "vllm", "vllm", base=other)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "merged").exists()
    assert not (tmp_path / "vllm").exists()


def test_what_is_exported_says_still_whose_it_is(adapter: Path, qwen3: Path, other: Path, tmp_path: Path) -> None:
    export_layout(adapter, tmp_path / "vllm", "vllm", base=qwen3)
    assert read_origin(tmp_path / "vllm") == read_origin(adapter)
    with pytest.raises(TrainingError, match="of another base"):
        export_layout(tmp_path / "vllm", tmp_path / "back", "peft", base=other)


def test_an_adapter_that_does_not_say_is_judged_by_its_shapes(
    adapter: Path, other: Path, ordinary_config: Callable[[str], Any], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    (adapter / "base.json").unlink()
    assert not check_origin(adapter, other)
    export_layout(adapter, tmp_path / "vllm", "vllm", base=other)
    AutoModelForCausalLM.from_config(ordinary_config("llama")).save_pretrained(tmp_path / "llama")
    with pytest.raises(TrainingError, match="of another model"):
        export_layout(adapter, tmp_path / "more", "vllm", base=tmp_path / "llama")
    (adapter / "base.json").write_text(json.dumps({"sha256": 1}))
    with pytest.raises(TrainingError, match=r"base\.json: cannot be read"):
        check_origin(adapter, other)
