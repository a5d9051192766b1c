from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from training.adapter_files import read_adapter, write_vllm  # noqa: E402
from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.divergence import divergence_of  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.export import export_layout, export_merged  # noqa: E402
from training.loss import logits_of  # noqa: E402
from training.model import attach_adapters, load_adapter, load_base, save_adapter  # noqa: E402
from training.origin import checkpoint_digest  # noqa: E402
from training.recipe import find_recipe  # noqa: E402

EVERY = ("attention", "mamba", "mamba_out", "shared_experts", "experts")

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture
def trained(nemotron_config, ordinary_config, stir, tmp_path):
    """A base and an adapter on disk, and the model that both make."""

    def make(family="nemotron_h", dtype=torch.float32, **options):
        from transformers import AutoModelForCausalLM

        torch.manual_seed(0)
        config = nemotron_config() if family == "nemotron_h" else ordinary_config(family)
        base = AutoModelForCausalLM.from_config(config, dtype=dtype)
        for parameter in base.parameters():
            if parameter.dim() > 1:
                parameter.data *= 3
        base.save_pretrained(tmp_path / "base")
        recipe = find_recipe("nemotron-3-nano" if family == "nemotron_h" else "qwen3")
        settings = BaseSettings(path=str(tmp_path / "base"), precision="fp32" if dtype == torch.float32 else "bf16")
        model = load_base(settings, recipe, "cpu")
        targets = {"nemotron_h": EVERY, "qwen3_moe": ("attention", "experts")}.get(family)
        settings = AdapterSettings(**{"targets": targets, "rank": 4, "alpha": 9} | ({"ranks": {"experts": 2}} if targets else {}) | options)
        attach_adapters(model, recipe, settings)
        stir(model)
        save_adapter(model, tmp_path / "adapter")
        return model

    return make


@pytest.mark.parametrize("family", ["nemotron_h", "qwen3_moe"])
@pytest.mark.parametrize("rslora", [False, True])
def test_vllms_layout_holds_each_expert_by_itself_and_comes_back(trained, tmp_path, packed_row, family, rslora):
    model = trained(family, rslora=rslora)
    export_layout(tmp_path / "adapter", tmp_path / "vllm", "vllm")
    tensors = load_file(tmp_path / "vllm/adapter_model.safetensors")
    assert all(tensor.dim() == 2 for tensor in tensors.values())
    layer, part = ("layers.1.mixer", "up_proj") if family == "nemotron_h" else ("layers.1.mlp", "gate_proj")
    key = f"base_model.model.model.{layer}.experts.3.{part}"
    assert tensors[f"{key}.lora_A.weight"].shape == (2, 64)
    assert tensors[f"{key}.lora_B.weight"].shape == (32, 2)
    experts = model.get_submodule(f"model.{layer}.experts")
    name = experts.names[0]
    product = tensors[f"{key}.lora_B.weight"] @ tensors[f"{key}.lora_A.weight"]
    torch.testing.assert_close(product, (experts.scaling[name] * experts.lora_b[name] @ experts.lora_a[name])[3][:32])
    config = json.loads((tmp_path / "vllm/adapter_config.json").read_text())
    assert config["lora_alpha"] == config["r"] == 4
    assert not config["use_rslora"]

    export_layout(tmp_path / "vllm", tmp_path / "back", "peft")
    again = load_base(BaseSettings(path=str(tmp_path / "base"), precision="fp32"), None, "cpu")
    load_adapter(again, tmp_path / "back")
    torch.testing.assert_close(logits_of(again, packed_row(20)), logits_of(model, packed_row(20)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "options"), [("nemotron_h", {}), ("qwen3", {"dora": True}), ("qwen3_moe", {"rslora": True})])
def test_a_merged_checkpoint_read_back_is_base_and_adapter(trained, tmp_path, packed_row, family, options):
    from transformers import AutoModelForCausalLM

    model = trained(family, **options)
    done = export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", precision="fp32")
    assert done.divergence.mean < 1e-6
    wanted = logits_of(model, packed_row(25))
    merged = load_base(BaseSettings(path=str(tmp_path / "merged"), precision="fp32"), None, "cpu")
    torch.testing.assert_close(logits_of(merged, packed_row(25)), wanted, rtol=1e-4, atol=1e-4)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    for module in theirs.modules():
        if hasattr(module, "time_step_limit"):
            module.time_step_limit = (0.0, float("inf"))
    torch.testing.assert_close(theirs(input_ids=packed_row(25).input_ids).logits[0, :-1], wanted, rtol=1e-4, atol=1e-4)
    names = [set(load_file(tmp_path / name / "model.safetensors")) for name in ("base", "merged")]
    assert names[0] == names[1]


def test_a_merge_in_bf16_passes_by_its_divergence_and_says_what_it_is(trained, tmp_path):
    trained(dtype=torch.bfloat16)
    done = export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", limit=0.05)
    assert 0 < done.divergence.mean < 0.05
    card = json.loads((tmp_path / "merged/export.json").read_text())
    assert card["kind"] == "merged in bf16"
    assert card["base_sha256"] == checkpoint_digest(tmp_path / "base") != checkpoint_digest(tmp_path / "merged")
    assert card["divergence"]["mean"] == done.divergence.mean
    assert "adapter" in (tmp_path / "merged/README.md").read_text()


@pytest.mark.parametrize(
    ("stored", "precision", "kind"),
    [("float32", "bf16", "bf16"), ("float32", "fp32", "fp32"), ("bfloat16", "fp32", "bf16"), ("float16", "bf16", "bf16")],
)
def test_what_a_merge_is_called_is_what_its_weights_are_in(trained, tmp_path, packed_row, stored, precision, kind):
    from transformers import AutoConfig, AutoModelForCausalLM

    trained("qwen3", getattr(torch, stored))
    (tmp_path / "base/pytorch_model.bin").write_text("weights without the adapter")
    done = export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", limit=0.05, precision=precision)
    assert json.loads((tmp_path / "merged/export.json").read_text())["kind"] == f"merged in {kind}"
    assert (tmp_path / "merged/README.md").read_text().startswith(f"# merged\n\nMerged in {kind}: ")
    tensors = load_file(tmp_path / "merged/model.safetensors")
    wanted = {"bf16": torch.bfloat16, "fp32": torch.float32}[kind]
    assert {tensor.dtype for tensor in tensors.values() if tensor.dim() > 1} == {wanted}
    assert AutoConfig.from_pretrained(tmp_path / "merged").dtype == wanted
    assert not (tmp_path / "merged/pytorch_model.bin").exists()
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert model.lm_head.weight.dtype == wanted
    assert done.divergence.mean < 0.05


def test_nothing_is_left_of_a_merge_that_fails_on_its_way(trained, tmp_path):
    """Between the first and the last of it; as Ctrl-C does (tests/training/test_new_directory.py)."""
    trained("qwen3")
    (tmp_path / "adapter/base.json").unlink()
    file = tmp_path / "base/model.safetensors"
    tensors = load_file(file)
    before = sorted(tmp_path.iterdir())
    save_file({name: tensor for name, tensor in tensors.items() if name != "model.norm.weight"}, file)
    with pytest.raises(TrainingError, match=r"no tensor 'model\.norm\.weight'"):
        export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", precision="fp32")
    assert sorted(tmp_path.iterdir()) == before


def test_a_merge_that_is_too_far_is_taken_away(trained, tmp_path):
    trained(dtype=torch.bfloat16)
    with pytest.raises(TrainingError, match=r"nats a token .* nothing is kept"):
        export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", limit=1e-9)
    assert not (tmp_path / "merged").exists()


def test_what_cannot_be_exported_is_refused(trained, tmp_path, ordinary_config):
    from transformers import AutoModelForCausalLM

    trained("qwen3", dora=True)
    with pytest.raises(TrainingError, match="no DoRA"):
        write_vllm(read_adapter(tmp_path / "adapter"), tmp_path / "vllm")
    with pytest.raises(TrainingError, match="not empty"):
        export_layout(tmp_path / "adapter", tmp_path / "base", "vllm")
    with pytest.raises(TrainingError, match=r"no config\.json"):
        export_merged(tmp_path / "none", tmp_path / "adapter", tmp_path / "merged")
    with pytest.raises(TrainingError, match="give the bf16 base"):
        export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", precision="nf4")
    AutoModelForCausalLM.from_config(ordinary_config("llama")).save_pretrained(tmp_path / "other")
    file = tmp_path / "adapter/adapter_model.safetensors"
    stored = load_file(file)
    save_file({name.replace("layers.1.", "layers.7."): tensor for name, tensor in stored.items()}, file)
    with pytest.raises(TrainingError, match="of another model"):
        export_merged(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", precision="fp32")
    save_file({name: tensor for name, tensor in stored.items() if not name.endswith("q_proj.lora_A.weight")}, file)
    with pytest.raises(TrainingError, match="is the adapter whole"):
        read_adapter(tmp_path / "adapter")


def test_divergence_is_zero_for_the_same_and_what_it_says_for_others():
    first = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]))
    second = torch.log(torch.tensor([[0.25, 0.5, 0.25], [0.2, 0.2, 0.6]]))
    assert divergence_of(first, first).mean == 0
    found = divergence_of(first, second)
    assert found.mean == pytest.approx(0.5 * 0.25 * torch.log(torch.tensor(2.0)).item())
    assert found.largest == pytest.approx(2 * found.mean)
    assert found.agreement == 0.5
