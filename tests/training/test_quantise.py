from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from training.errors import TrainingError  # noqa: E402
from training.quantise import export_quantised  # noqa: E402

PYTHON = os.environ.get("HARNESS_TEST_QUANTISE")
"""The Python of an environment with llmcompressor and torchvision."""

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers


@pytest.fixture
def merged(nemotron_config, tmp_path):
    from transformers import NemotronHForCausalLM

    torch.manual_seed(0)
    model = NemotronHForCausalLM(nemotron_config()).to(torch.bfloat16)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data *= 6
    model.save_pretrained(tmp_path / "merged")
    card = {
        "kind": "merged in bf16",
        "base": "b",
        "base_sha256": "0",
        "adapter": "a",
        "adapter_sha256": "1",
        "divergence": {"mean": 0.001},
        "made": "now",
    }
    (tmp_path / "merged/export.json").write_text(json.dumps(card))
    return tmp_path / "merged"


def test_what_cannot_be_quantised_is_refused_before_anything_is_loaded(merged, tmp_path):
    with pytest.raises(TrainingError, match="no scheme 'int3'; there are fp8"):
        export_quantised(merged, tmp_path / "out", "int3", Path(sys.executable))
    with pytest.raises(TrainingError, match="has no llmcompressor; make an environment"):
        export_quantised(merged, tmp_path / "out", "fp8", Path(sys.executable))
    with pytest.raises(TrainingError, match="No such file"):
        export_quantised(merged, tmp_path / "out", "fp8", tmp_path / "python")


STAND_IN = """#!{python}
import json, pathlib, sys
if sys.argv[1] != "-c":
    wanted = json.load(sys.stdin)
    pathlib.Path({told!r}).write_text(json.dumps(wanted))
    place = pathlib.Path(wanted["directory"])
    (place / "config.json").write_text("{{}}")
    print(json.dumps({{"mean": {mean}, "largest": 1, "agreement": 1, "tokens": len(wanted["ids"]), "versions": {{}}}}) if {works} else "no")
"""


@pytest.fixture
def stand_in(tmp_path):
    """A Python that says it has llmcompressor, writes down what it is asked for, and answers."""

    def make(mean=0.01, *, works=True):
        file = tmp_path / "python"
        file.write_text(STAND_IN.format(python=sys.executable, told=str(tmp_path / "told.json"), mean=mean, works=works))
        file.chmod(0o755)
        return file

    return make


def test_scales_do_not_come_from_the_text_that_they_are_judged_on(merged, tmp_path, stand_in):
    told = {}
    for scheme in ("fp8", "nvfp4", "nvfp4a16"):
        export_quantised(merged, tmp_path / scheme, scheme, stand_in())
        told[scheme] = json.loads((tmp_path / "told.json").read_text())
    assert [len(told[scheme]["calibration"]) for scheme in told] == [0, 256, 0]
    assert told["nvfp4"]["calibration"] + told["nvfp4"]["ids"] == told["fp8"]["ids"]
    card = json.loads((tmp_path / "nvfp4/export.json").read_text())
    assert card["probe"].startswith("the second half of ")
    assert card["divergence"]["tokens"] == 256
    assert (tmp_path / "nvfp4/README.md").read_text().startswith("# nvfp4\n")


@pytest.mark.parametrize(("options", "complaint"), [({"mean": 0.5}, "nothing is kept"), ({"works": False}, "llmcompressor failed")])
def test_nothing_is_left_of_a_quantisation_that_fails(merged, tmp_path, stand_in, options, complaint):
    with pytest.raises(TrainingError, match=complaint):
        export_quantised(merged, tmp_path / "out", "nvfp4", stand_in(**options))
    assert json.loads((tmp_path / "told.json").read_text())["directory"] == str(tmp_path / ".out.partial")
    assert not [file for file in tmp_path.iterdir() if "out" in file.name]


@pytest.mark.slow
@pytest.mark.skipif(PYTHON is None, reason="HARNESS_TEST_QUANTISE names no environment with llmcompressor")
@pytest.mark.parametrize("scheme", ["fp8", "nvfp4a16"])
def test_a_quantised_checkpoint_passes_by_its_divergence_with_its_experts_quantised(merged, tmp_path, scheme):
    from safetensors import safe_open

    with pytest.raises(TrainingError, match="more than 1e-06; nothing is kept"):
        export_quantised(merged, tmp_path / "out", scheme, Path(PYTHON), limit=1e-6)
    assert not (tmp_path / "out").exists()
    done = export_quantised(merged, tmp_path / "out", scheme, Path(PYTHON))
    assert 0 < done.divergence.mean < 0.1
    with safe_open(tmp_path / "out/model.safetensors", framework="pt") as stored:
        names = set(stored.keys())
    assert "backbone.layers.1.mixer.experts.3.up_proj.weight_scale" in names
    card = json.loads((tmp_path / "out/export.json").read_text())
    assert card["merge_divergence"] == {"mean": 0.001}
    assert "llmcompressor" in card["versions"]
