from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from training.adapters import adapters_as, held_adapters  # noqa: E402
from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.loss import loss_of  # noqa: E402
from training.model import adapters_off, attach_adapters, begin_from, load_adapter, load_base, random_base, save_adapter  # noqa: E402
from training.recipe import Adapters, find_recipe  # noqa: E402

EVERY = ("attention", "mamba", "mamba_out", "shared_experts", "experts")
RECIPE = find_recipe("nemotron-3-nano")

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture
def make(nemotron_config):
    return lambda precision="fp32": random_base(nemotron_config(), BaseSettings(path="random", precision=precision), "cpu")


def test_each_kind_matches_its_layers_and_counts_its_parameters(make):
    model = make()
    matched = attach_adapters(model, RECIPE, AdapterSettings(targets=EVERY, rank=4, ranks={"experts": 2}))
    assert {kind: len(found.modules) for kind, found in matched.items()} == {
        "attention": 4,
        "mamba": 2,
        "mamba_out": 2,
        "shared_experts": 4,
        "experts": 4,
    }
    assert matched["experts"].modules[:2] == ("model.layers.1.mixer.experts.up_proj", "model.layers.1.mixer.experts.down_proj")
    assert matched["experts"].parameters == 2 * 2 * 4 * 2 * (64 + 32)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert sum(found.parameters for found in matched.values()) == sum(parameter.numel() for parameter in trained)
    assert {parameter.dtype for parameter in trained} == {torch.float32}


def test_the_recipes_default_is_what_is_adapted_when_nothing_is_said(make):
    assert set(attach_adapters(make(), RECIPE, AdapterSettings())) == {"attention", "mamba", "shared_experts"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"targets": ("atention",)}, "knows no kind 'atention'"),
        ({"targets": ("nothing",)}, "'nothing' .* matches no layer"),
        ({"targets": ("attention",), "ranks": {"experts": 4}}, "ranks: 'experts' is not among"),
        ({"targets": ("experts",), "dropout": 0.1}, "neither dora nor dropout"),
        ({"targets": ("experts",), "dora": True}, "neither dora nor dropout"),
    ],
)
def test_what_cannot_be_adapted_as_asked_is_refused(make, settings, complaint):
    targets = dict(RECIPE.adapters.targets) | {"nothing": ("gate_proj",)}
    recipe = RECIPE.model_copy(update={"adapters": Adapters(targets=targets, default=("attention",))})
    with pytest.raises(TrainingError, match=complaint):
        attach_adapters(make(), recipe, AdapterSettings(**settings))


def test_dora_on_four_bits_is_refused(make):
    with pytest.raises(TrainingError, match="dora needs the norms of whole weights"):
        attach_adapters(make("nf4"), RECIPE, AdapterSettings(dora=True))


def test_adapters_begin_as_nothing_and_can_be_switched_off(make, packed_row, stir):
    model, batch = make(), packed_row(25)
    base, _ = loss_of(model, batch)
    attach_adapters(model, RECIPE, AdapterSettings(targets=EVERY, rank=4))
    torch.testing.assert_close(loss_of(model, batch)[0], base, rtol=1e-6, atol=0)
    stir(model)
    adapted, _ = loss_of(model, batch)
    assert abs(adapted - base) > 1e-3
    with adapters_off(model):
        torch.testing.assert_close(loss_of(model, batch)[0], base, rtol=1e-6, atol=0)
    torch.testing.assert_close(loss_of(model, batch)[0], adapted, rtol=0, atol=0)


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
@pytest.mark.parametrize("options", [{}, {"rslora": True}, {"dora": True, "targets": ("attention", "mamba")}])
def test_an_adapter_read_back_is_the_adapter_that_was_saved(make, packed_row, stir, tmp_path, precision, options):
    if precision == "nf4" and "dora" in options:
        pytest.skip("refused")
    batch, settings = packed_row(25), AdapterSettings(**{"targets": EVERY, "rank": 4, "ranks": {"mamba": 8}} | options)
    model = make(precision)
    attach_adapters(model, RECIPE, settings)
    stir(model)
    save_adapter(model, tmp_path / "adapter")
    wanted, _ = loss_of(model, batch)
    bare, attached = make(precision), make(precision)
    attach_adapters(attached, RECIPE, settings)
    for other in (bare, attached):
        load_adapter(other, tmp_path / "adapter")
        torch.testing.assert_close(loss_of(other, batch)[0], wanted, rtol=0, atol=0)
        save_adapter(other, tmp_path / "again")
        first, second = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("adapter", "again"))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("targets", [("attention", "mamba", "shared_experts"), ("experts", "attention")])
def test_peft_reads_what_is_saved_as_the_same_function(nemotron_config, packed_row, stir, tmp_path, targets):
    """`mamba_out` is left out: PEFT refuses it on this family."""
    from peft import PeftModel
    from transformers import NemotronHForCausalLM

    torch.manual_seed(0)
    NemotronHForCausalLM(nemotron_config()).save_pretrained(tmp_path / "base")
    ours = load_base(BaseSettings(path=str(tmp_path / "base"), precision="fp32"), RECIPE, "cpu")
    attach_adapters(ours, RECIPE, AdapterSettings(targets=targets, rank=4, ranks={targets[0]: 2}))
    stir(ours)
    save_adapter(ours, tmp_path / "adapter")
    theirs = NemotronHForCausalLM.from_pretrained(tmp_path / "base")
    for module in theirs.modules():
        if hasattr(module, "time_step_limit"):
            module.time_step_limit = (0.0, float("inf"))
    theirs = PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    ids = packed_row(25).input_ids
    torch.testing.assert_close(ours.eval()(input_ids=ids).logits, theirs(input_ids=ids).logits, rtol=1e-5, atol=1e-5)


def test_an_adapter_of_another_model_or_rank_is_refused(make, tmp_path, ordinary_config):
    model = make()
    attach_adapters(model, RECIPE, AdapterSettings(rank=4))
    save_adapter(model, tmp_path / "adapter")
    other = random_base(ordinary_config("llama"), BaseSettings(path="random", precision="fp32"), "cpu")
    with pytest.raises(TrainingError, match="of another model"):
        load_adapter(other, tmp_path / "adapter")
    larger = make()
    attach_adapters(larger, RECIPE, AdapterSettings(rank=8))
    with pytest.raises(TrainingError, match="is of rank 4, not 8"):
        load_adapter(larger, tmp_path / "adapter")
    with pytest.raises(TrainingError, match="not an adapter"):
        load_adapter(make(), tmp_path)


def test_the_configuration_names_what_was_adapted(make, tmp_path):
    model = make()
    attach_adapters(model, RECIPE, AdapterSettings(targets=("attention", "experts"), rank=4, ranks={"experts": 2}, rslora=True))
    save_adapter(model, tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert config["use_rslora"]
    assert config["target_parameters"][0] == "model.layers.1.mixer.experts.up_proj"
    assert config["rank_pattern"]["model.layers.1.mixer.experts.up_proj"] == 2


def test_nothing_prepares_the_base_for_kbit_training():
    """PEFT's function casts all that is not quantised, fused experts too, to fp32."""
    room = Path(__file__).parents[2] / "training"
    assert not [file for file in room.rglob("*.py") if "prepare_model_for_kbit_training" in file.read_text()]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"rank": 8}, "is of rank 4, not 8"),
        ({"alpha": 64}, "alpha .* is another"),
        ({"rslora": True}, "alpha .* is another"),
        ({"dora": True}, "without DoRA"),
        ({"targets": ("attention",)}, "in the adapter only; are the targets the same"),
        ({"targets": ("attention", "mamba", "mamba_out")}, "in the model's adapters only; are the targets the same"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_begins_from_an_adapter_attaches_the_same(make, nemotron_config, tmp_path, options, complaint, device):
    same = {"targets": ("attention", "mamba"), "rank": 4}
    first = make()
    attach_adapters(first, RECIPE, AdapterSettings(**same))
    save_adapter(first, tmp_path / "adapter")
    model = random_base(nemotron_config(), BaseSettings(path="random", precision="fp32"), device)
    attach_adapters(model, RECIPE, AdapterSettings(**same | options))
    with pytest.raises(TrainingError, match=rf"^adapters\.start: .*{complaint}"):
        begin_from(model, tmp_path / "adapter")
    fitting = random_base(nemotron_config(), BaseSettings(path="random", precision="fp32"), device)
    attach_adapters(fitting, RECIPE, AdapterSettings(**same))
    begin_from(fitting, tmp_path / "adapter")


def test_held_adapters_come_back_for_a_reference_and_training_goes_on_where_it_was(make, packed_row, stir):
    model, batch = make(), packed_row(25)
    attach_adapters(model, RECIPE, AdapterSettings(targets=("attention", "mamba"), rank=4, dropout=0.5))
    stir(model)
    model.eval()
    held, before = held_adapters(model), loss_of(model, batch)[0]
    model.train()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.mul_(1.5)
    pointers = [parameter.data_ptr() for parameter in model.parameters()]
    with torch.no_grad(), adapters_as(model, held):
        torch.testing.assert_close(loss_of(model, batch)[0], before, rtol=0, atol=0)
    assert model.training
    assert [parameter.data_ptr() for parameter in model.parameters()] == pointers
