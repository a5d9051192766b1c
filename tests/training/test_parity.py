from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.expectation import PROMPTS, Expectation, read_expectation  # noqa: E402
from training.export import export_merged  # noqa: E402
from training.family import read_family  # noqa: E402
from training.model import adapters_off, attach_adapters, load_base, save_adapter  # noqa: E402
from training.parity import expect, main  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture(params=["qwen3", "nemotron_h"])
def trained(request: pytest.FixtureRequest, tmp_path: Path, stir: Callable[[Any], None]) -> tuple[Path, Path, Any]:
    """A base, an adapter of it, and the model that both make."""
    base: Path = request.getfixturevalue(request.param)
    recipe = read_family(BaseSettings(path=str(base)), None).recipe
    model = load_base(BaseSettings(path=str(base), precision="fp32"), recipe, "cpu")
    attach_adapters(model, recipe, AdapterSettings(rank=4))
    stir(model)
    save_adapter(model, tmp_path / "adapter")
    return base, tmp_path / "adapter", model.eval()


def test_what_is_expected_is_what_the_model_says_by_itself(trained: tuple[Path, Path, Any]) -> None:
    """By transformers' own generation and logits, prompt by prompt, on the rendering of the tokenizer's template."""
    base, adapter, model = trained
    settings = BaseSettings(path=str(base), precision="fp32")
    made = expect(settings, adapter=adapter, tokens=6)
    family = read_family(settings, None)
    assert [each.prompt for each in made.continuations] == list(PROMPTS)
    for each in made.continuations:
        text = family.tokenizer.apply_chat_template(
            [{"role": "user", "content": each.prompt}], add_generation_prompt=True, tokenize=False, **family.recipe.template.kwargs
        )
        assert family.tokenizer.decode(list(each.prompt_ids)) == text
        prompt = torch.tensor([each.prompt_ids])
        ids = torch.tensor([[*each.prompt_ids, *each.ids]])

        def logprobs(ids: Any = ids, count: int = len(each.ids)) -> Any:
            wanted = model(input_ids=ids).logits[0].log_softmax(-1)[-count - 1 : -1]
            return wanted.gather(1, ids[0, -count:, None])[:, 0]

        def said(prompt: Any = prompt) -> list[int]:
            whole = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=family.ends)  # fmt: skip
            return list(whole[0, prompt.shape[1] :].tolist())

        with torch.no_grad():
            assert said() == list(each.ids)
            torch.testing.assert_close(torch.tensor(each.logprobs), logprobs(), rtol=1e-4, atol=1e-4)
            with adapters_off(model):
                torch.testing.assert_close(torch.tensor(each.base_logprobs), logprobs(), rtol=1e-4, atol=1e-4)
                assert family.tokenizer.decode(said(), skip_special_tokens=True) == each.base_text
        assert family.tokenizer.decode(list(each.ids), skip_special_tokens=True) == each.text
    assert made.apart > 0.01
    assert made.changed


def test_a_merged_checkpoint_is_expected_to_say_the_same(trained: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = trained
    settings = BaseSettings(path=str(base), precision="fp32")
    export_merged(base, adapter, tmp_path / "merged", precision="fp32")
    whole = expect(settings, merged=tmp_path / "merged", tokens=4)
    parts = expect(settings, adapter=adapter, tokens=4)
    for one, other in zip(whole.continuations, parts.continuations, strict=True):
        assert (one.prompt_ids, one.ids, one.base_text) == (other.prompt_ids, other.ids, other.base_text)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert one.base_logprobs == pytest.approx(other.base_logprobs, abs=1e-4)
    assert whole.changed
    with pytest.raises(TrainingError, match="not both"):
        expect(settings, adapter=adapter, merged=tmp_path / "merged")


def test_a_base_alone_is_its_own_reference_and_a_turn_ends_where_it_ends(qwen3: Path, tmp_path: Path) -> None:
    place = shutil.copytree(qwen3, tmp_path / "base")
    settings = BaseSettings(path=str(place), precision="fp32")
    made = expect(settings, tokens=3)
    assert not made.changed
    assert made.apart == 0
    assert all(each.text == each.base_text for each in made.continuations)
    # The same model, told that its second token ends a turn, says no third.
    first = made.continuations[0].ids
    (place / "generation_config.json").write_text(json.dumps({"eos_token_id": [first[1]]}))
    assert expect(settings, tokens=3).continuations[0].ids == first[: first.index(first[1]) + 1]


def test_the_command_writes_what_is_read_back(trained: tuple[Path, Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, adapter, _ = trained
    file = tmp_path / "new/expected.json"
    words = ["--base", str(base), "--adapter", str(adapter), "--precision", "nf4", "--tokens", "2", "--output", str(file)]
    assert main(words) == 0
    assert "4 prompts, 8 tokens" in capsys.readouterr().out
    made = read_expectation(file)
    assert (made.precision, made.adapter, len(made.continuations)) == ("nf4", str(adapter), len(PROMPTS))
    origin = json.loads((adapter / "base.json").read_text())
    assert made.base_sha256 == origin["sha256"]
    (adapter / "base.json").write_text(json.dumps({**origin, "sha256": "0" * 64}))
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "of another base" in said
    assert said.count("\n") == 1
    file.write_text("{}")
    with pytest.raises(TrainingError, match="cannot be read from it"):
        read_expectation(file)


def test_whoever_reads_it_needs_no_torch() -> None:
    program = "import sys, training.expectation, training.origin; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert Expectation.model_config["frozen"]
