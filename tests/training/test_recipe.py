from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import TrainingError
from training.recipe import find_recipe, read_recipe, recipe_for, shipped_recipes


def test_every_shipped_recipe_reads_and_is_named_as_its_file() -> None:
    recipes = shipped_recipes()
    assert set(recipes) == {"llama", "nemotron-3-nano", "qwen3", "smollm3"}
    for name, recipe in recipes.items():
        assert recipe.name == name
        assert set(recipe.adapters.default) <= set(recipe.adapters.targets)


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "nemotron-3-nano"),
        ("Qwen/Qwen3-8B", "qwen3"),
        ("/models/qwen3-30b-a3b/", "qwen3"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama"),
        ("HuggingFaceTB/SmolLM3-3B", "smollm3"),
    ],
)
def test_a_model_finds_its_recipe_by_its_name(model: str, recipe: str) -> None:
    found = recipe_for(model)
    assert found is not None
    assert found.name == recipe


def test_a_model_of_any_name_finds_its_recipe_by_its_type() -> None:
    found = recipe_for("my-model", "nemotron_h")
    assert found is not None
    assert found.name == "nemotron-3-nano"
    assert recipe_for("my-model") is None
    assert recipe_for("my-model", "gpt2") is None


def test_a_recipe_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(TrainingError, match=r"no recipe 'nemo'; there are llama, nemotron-3-nano, qwen3, smollm3"):
        find_recipe("nemo")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("name = ", "not TOML"), ('name = "x"\nmodel_types = []', "adapters: field required"), ("wrong = 1", "name: field required")],
)
def test_a_recipe_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(TrainingError, match=complaint):
        read_recipe(file)


def test_a_recipe_that_is_not_there_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No such file"):
        find_recipe(str(tmp_path / "none.toml"))
