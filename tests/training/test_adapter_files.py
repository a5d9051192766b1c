from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from training.adapter_files import read_adapter, write_peft, write_vllm  # noqa: E402
from training.errors import TrainingError  # noqa: E402

Q = "base_model.model.model.layers.0.self_attn.q_proj"
E = "base_model.model.model.layers.0.mlp.experts"
PLAIN = {f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_B.weight": (6, 2)}


def expert(number: int, part: str, rank: int = 2) -> dict[str, tuple[int, ...]]:
    return {f"{E}.{number}.{part}.lora_A.weight": (rank, 8), f"{E}.{number}.{part}.lora_B.weight": (6, rank)}


@pytest.fixture
def stored(tmp_path: Path) -> Any:
    """An adapter of PEFT's files: tensors of ones by their shapes, and what its configuration says besides."""

    def make(shapes: dict[str, tuple[int, ...]], config: dict[str, Any]) -> Path:
        save_file({name: torch.ones(shape) for name, shape in shapes.items()}, tmp_path / "adapter_model.safetensors")
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("shapes", "config", "complaint"),
    [
        (PLAIN | {"base_model.model.lm_head.weight": (96, 8)}, {}, "'base_model.model.lm_head.weight' is no part of a LoRA pair"),
        (PLAIN, {"modules_to_save": ["lm_head"]}, r'sets modules_to_save to \["lm_head"\]'),
        (PLAIN | {f"{Q}.lora_B.bias": (6,)}, {"lora_bias": True}, "sets lora_bias to true"),
        (PLAIN | {f"{Q}.lora_B.bias": (6,)}, {}, r"q_proj\.lora_B\.bias' is no part"),
        (PLAIN | {f"{Q}.bias": (6,)}, {"bias": "all"}, 'sets bias to "all"'),
        (PLAIN | {f"{Q}.bias": (6,)}, {}, r"q_proj\.bias' is no part"),
        (PLAIN | {f"{Q}.lora_magnitude_vector": (6,)}, {}, "q_proj is with DoRA, against"),
        (PLAIN, {"use_dora": True}, "q_proj is without DoRA, against"),
        (PLAIN, {"trainable_token_indices": [1]}, "sets trainable_token_indices"),
        (PLAIN, {"init_lora_weights": "pissa_niter_4"}, "with which PEFT changes the base"),
        ({f"{Q}.hada_w1_a": (6, 2)}, {"peft_type": "LOHA"}, "of the type LOHA; only LORA is read"),
        (PLAIN, {"peft_type": None}, "of the type None"),
        ({f"{Q}.hada_w1_a": (6, 2)}, {}, "hada_w1_a' is no part"),
        ({}, {}, "there is no LoRA pair"),
        ({f"{Q}.lora_A.weight": (2, 8)}, {}, "is the adapter whole"),
        (expert(0, "up_proj") | expert(2, "up_proj"), {}, "lacks an expert between 0 and 2"),
        (expert(0, "gate_proj"), {}, "has not as many up_proj as gate_proj"),
        (expert(0, "gate_proj") | expert(0, "up_proj") | expert(1, "up_proj"), {}, "has not as many up_proj as gate_proj"),
        (expert(0, "up_proj") | expert(1, "up_proj", rank=1), {}, "are not of one shape"),
        (expert(0, "up_proj") | {f"{E}.0.up_proj.lora_magnitude_vector": (6,)}, {"use_dora": True}, "lora_magnitude_vector' is no part"),
        (
            {f"{E}.lora_A.weight": (5, 8), f"{E}.lora_B.weight": (6, 5)},
            {"target_parameters": ["mlp.experts.down_proj"]},
            "experts.down_proj is not of rank 2",
        ),
        (PLAIN, {"r": None}, "not an adapter in PEFT's layout"),
    ],
)  # fmt: skip
def test_an_adapter_with_a_part_that_would_be_lost_is_refused(stored: Any, shapes: Any, config: Any, complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint) as told:
        read_adapter(stored(shapes, config))
    assert "\n" not in str(told.value)


def test_every_field_that_says_nothing_more_is_read(stored: Any, tmp_path: Path) -> None:
    """As PEFT writes them where they are not used."""
    silent = {"bias": "none", "lora_bias": False, "modules_to_save": None, "layer_replication": None, "init_lora_weights": True}
    adapter = read_adapter(stored(PLAIN | expert(0, "up_proj") | expert(1, "up_proj"), silent))
    assert [pair.name for pair in adapter.pairs] == ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.experts.up_proj"]
    for number, write in enumerate((write_peft, write_vllm)):
        write(adapter, tmp_path / str(number))
        again = read_adapter(tmp_path / str(number))
        theirs = {pair.name: pair.delta() for pair in again.pairs}
        assert len(theirs) == 2
        for pair in adapter.pairs:
            torch.testing.assert_close(theirs[pair.name], pair.delta())


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_config.json"])
def test_a_file_that_is_cut_off_is_told_in_one_line(stored: Any, file: str) -> None:
    directory = stored(PLAIN, {})
    whole = (directory / file).read_bytes()
    for length in (0, 4, len(whole) // 2, len(whole) - 1):
        (directory / file).write_bytes(whole[:length])
        with pytest.raises(TrainingError, match="not an adapter in PEFT's layout"):
            read_adapter(directory)
