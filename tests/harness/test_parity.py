"""The parity check against a server on loopback that answers from a real, if tiny, model by transformers and PEFT: other code than the trainer's."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("trl")

from harness.cli import main  # noqa: E402
from harness.config import ConfigError, ModelSettings  # noqa: E402
from harness.parity import Parity, check_parity  # noqa: E402
from tests.harness.fakes import ScriptServer  # noqa: E402
from tests.loopback import LoopbackServer, Reply, Request, as_json  # noqa: E402
from tests.training.tiny_models import save_qwen3  # noqa: E402
from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.expectation import Continuation, Expectation  # noqa: E402
from training.model import attach_adapters, load_base, save_adapter  # noqa: E402
from training.parity import expect  # noqa: E402
from training.recipe import find_recipe  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other

ADAPTERS = {"right": (1, 0.1), "another": (2, 0.1), "faint": (3, 1e-5)}
"""By name: the seed and the spread of its weights."""


class TinyServer(LoopbackServer):
    """`base`, and every adapter by its name; `right-bf16` rounds as a server does."""

    def __init__(self, place: Path) -> None:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        super().__init__()
        self.tells_logprobs = True
        self.key: str | None = None
        self._lock = threading.Lock()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(place / "base")
        self._models: dict[str, Any] = {"base": AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float32).eval()}
        for name in ADAPTERS:
            plain = AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float32)
            self._models[name] = PeftModel.from_pretrained(plain, place / name).eval()
        rounded = AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.bfloat16)
        self._models["right-bf16"] = PeftModel.from_pretrained(rounded, place / "right").to(torch.bfloat16).eval()

    def reply_to(self, request: Request) -> Reply:
        with self._lock, torch.no_grad():
            return self.answer(request.path, request.json(), request.headers["Authorization"])

    def answer(self, path: str, body: dict[str, Any], key: str | None) -> Reply:
        if self.key is not None and key != f"Bearer {self.key}":
            return as_json({"error": "Unauthorized"}, 401)
        if body["model"] not in self._models:
            missing = f"The model `{body['model']}` does not exist."
            return as_json({"error": {"message": missing, "type": "NotFoundError", "code": 404}}, 404)
        model = self._models[body["model"]]
        if path == "/v1/completions":
            if not self.tells_logprobs:
                return as_json({"detail": "Internal Server Error"}, 500)
            assert (body["echo"], body["logprobs"], body["max_tokens"], body["temperature"]) == (True, 1, 1, 0.0)
            ids = torch.tensor([body["prompt"]])
            every = model(input_ids=ids).logits[0].float().log_softmax(-1)
            told = [None, *every[:-1].gather(1, ids[0, 1:, None])[:, 0].tolist(), float(every[-1].max())]
            return as_json({"choices": [{"index": 0, "text": "", "logprobs": {"token_logprobs": told}}]})
        text = self._tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, tokenize=False)
        ids = torch.tensor([self._tokenizer.encode(text, add_special_tokens=False)])
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=body["max_tokens"], do_sample=False)
        said = self._tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        return as_json({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, and adapters of it by name."""
    directory = tmp_path_factory.mktemp("place")
    save_qwen3(directory / "base")
    for name, (seed, spread) in ADAPTERS.items():
        model = load_base(BaseSettings(path=str(directory / "base"), precision="fp32"), find_recipe("qwen3"), "cpu")
        attach_adapters(model, find_recipe("qwen3"), AdapterSettings(rank=4))
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, spread, generator=generator)
        save_adapter(model, directory / name)
    return directory


@pytest.fixture(scope="module")
def expected(place: Path) -> Callable[[str | None], Expectation]:
    made: dict[str | None, Expectation] = {}

    def of(adapter: str | None) -> Expectation:
        if adapter not in made:
            settings = BaseSettings(path=str(place / "base"), precision="fp32")
            made[adapter] = expect(settings, adapter=place / adapter if adapter else None)
        return made[adapter]

    return of


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[TinyServer]:
    server = TinyServer(place)
    yield server
    server.close()


@pytest.fixture
def server(running: TinyServer) -> Iterator[TinyServer]:
    yield running
    running.tells_logprobs, running.key = True, None


async def check(server: TinyServer, name: str, expected: Expectation, tolerance: float = 0.1) -> Parity:
    found = await check_parity(expected, ModelSettings(name=name, base_url=server.url), tolerance=tolerance)
    assert Parity.model_validate_json(found.model_dump_json()) == found
    assert "\n" not in found.words
    return found


async def test_the_adapter_that_was_trained_is_seen_to_be_served(server, expected):
    found = await check(server, "right", expected("right"))
    assert (found.verdict, found.holds, found.how) == ("served", True, "logprobs")
    assert found.share == pytest.approx(1, abs=1e-3)
    assert found.distance < 1e-4 < 0.5 < found.base_distance
    assert found.base_distance == pytest.approx(found.apart, rel=1e-3)
    assert found.prompts == 4
    assert 32 < found.tokens == sum(len(each.ids) for each in expected("right").continuations)


async def test_a_servers_rounding_is_allowed_for_and_told(server, expected):
    found = await check(server, "right-bf16", expected("right"))
    assert found.verdict == "served"
    assert 1e-4 < found.distance < found.largest < 0.5
    strict = await check(server, "right-bf16", expected("right"), tolerance=1e-4)
    assert (strict.verdict, strict.holds) == ("too_far", False)


async def test_an_adapter_that_is_not_loaded_is_named_as_that(server, expected):
    found = await check(server, "base", expected("right"))
    assert (found.verdict, found.holds) == ("not_loaded", False)
    assert found.base_distance < 1e-4
    assert found.share == pytest.approx(0, abs=1e-3)
    assert "the adapter is not loaded" in found.words


async def test_another_adapter_is_too_far(server, expected):
    found = await check(server, "another", expected("right"))
    assert (found.verdict, found.holds) == ("too_far", False)
    assert found.distance > 0.1
    assert found.base_distance > 0.1
    assert "another adapter" in found.words


async def test_what_differs_less_than_numbers_are_rounded_cannot_be_told_and_holds(server, expected):
    for name in ("base", "faint"):
        found = await check(server, name, expected("faint"))
        assert (found.verdict, found.holds) == ("cannot_be_told", True)
        assert found.apart < 1e-4


async def test_a_base_without_an_adapter_is_compared_with_itself_alone(server, expected):
    assert (await check(server, "base", expected(None))).verdict == "served"
    assert (await check(server, "another", expected(None))).verdict == "too_far"


async def test_without_log_probabilities_texts_are_compared_and_that_is_said(server, expected):
    server.tells_logprobs = False
    right, base, another = [await check(server, name, expected("right")) for name in ("right", "base", "another")]
    assert (right.verdict, right.how, right.agreement, right.distance) == ("served", "text", 1.0, None)
    assert "by text alone" in right.words
    assert (base.verdict, base.holds, base.base_agreement) == ("not_loaded", False, 1.0)
    assert (another.verdict, another.holds) == ("too_far", False)
    assert (await check(server, "base", expected("faint"))).verdict == "cannot_be_told"
    assert (await check(server, "base", expected(None))).verdict == "served"


async def test_a_server_that_cannot_be_asked_is_one_line(server, expected, free_port, monkeypatch):
    with pytest.raises(ConfigError, match="404: The model `gone` does not exist"):
        await check(server, "gone", expected("right"))
    server.key = "secret"
    with pytest.raises(ConfigError, match="401: Unauthorized"):
        await check(server, "right", expected("right"))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert (await check(server, "right", expected("right"))).holds
    settings = ModelSettings(name="right", base_url=f"http://127.0.0.1:{free_port}/v1")
    with pytest.raises(ConfigError, match=f"127.0.0.1:{free_port}") as told:
        await check_parity(expected("right"), settings, tolerance=0.1)
    assert "\n" not in str(told.value)
    with pytest.raises(ConfigError, match="has no base_url"):
        await check_parity(expected("right"), ModelSettings(name="oracle"), tolerance=0.1)


def test_the_command_says_what_was_found(server, expected, tmp_path, capsys):
    (tmp_path / "expected.json").write_text(expected("right").model_dump_json())
    words = ["--expected", str(tmp_path / "expected.json"), "--base-url", server.url]
    assert main(["adapters", "parity", "right", *words]) == 0
    assert "right is what was trained" in capsys.readouterr().out
    assert main(["adapters", "parity", "base", *words]) == 1
    assert "the adapter is not loaded" in capsys.readouterr().out.replace("\n", " ")
    assert main(["adapters", "parity", "right-bf16", *words, "--tolerance", "1e-6"]) == 1
    assert main(["adapters", "parity", "right", *words[:1], str(tmp_path / "none.json"), *words[2:]]) == 2
    assert "No such file" in capsys.readouterr().err.replace("\n", " ")


# Answers of servers that cannot be had here, by what they were seen to say

ONE = Continuation(
    prompt="Hi", prompt_ids=(7, 8), ids=(9, 2), text="<think> Hello", logprobs=(-1.0, -0.5), base_logprobs=(-2.0, -3.0), base_text="Bye"
)
SMALL = Expectation(
    base="b", base_sha256="0", adapter="a", adapter_sha256="1", merged=None, recipe="r", template_kwargs={"enable_thinking": True},
    thinking_marks=("<think>", "</think>"), precision="bf16", tokens=2, continuations=(ONE,),
)  # fmt: skip
CHAT = Reply(body=json.dumps({"choices": [{"message": {"content": "there", "reasoning": "\nHello"}}]}))


def completion(*told: object) -> Reply:
    return Reply(body=json.dumps({"choices": [{"logprobs": {"token_logprobs": told}}]}))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, '{"detail":"Not Found"}'),
        Reply(400, '{"error":{"message":"logprobs are not supported"}}'),
        Reply(body='{"choices":[{"text":"+","logprobs":null}]}'),
        Reply(body='{"choices":[]}'),
        Reply(body="no JSON"),
        completion(-0.5),  # of what was generated alone
        completion(None, None, None, None, -0.5),
    ],
)
async def test_whatever_else_a_server_says_of_log_probabilities_text_is_compared(reply: Reply):
    server = ScriptServer()
    server.posts = [reply, CHAT]
    try:
        found = await check_parity(SMALL, ModelSettings(name="m", base_url=server.url), tolerance=0.1)
    finally:
        server.close()
    assert (found.how, found.verdict, found.agreement, found.base_agreement) == ("text", "served", 1.0, 0.0)
    assert server.bodies[1]["chat_template_kwargs"] == {"enable_thinking": True}
    assert server.bodies[0]["prompt"] == [7, 8, 9, 2]


@pytest.mark.parametrize("told", [(None, -3.0, -1.0, -0.5), (None, -3.0, -1.0, -0.5, -0.1)])
async def test_a_token_more_may_be_told_or_not(told: tuple[float | None, ...]):
    server = ScriptServer()
    server.posts = [completion(*told)]
    try:
        found = await check_parity(SMALL, ModelSettings(name="m", base_url=server.url), tolerance=0.1)
    finally:
        server.close()
    assert (found.verdict, found.distance, found.base_distance, found.apart) == ("served", 0.0, 1.75, 1.75)


@pytest.mark.parametrize(("loaded", "change", "verdict"), [
    (True, 0.2, "served"), (False, 0.2, "not_loaded"), (True, 0.005, "cannot_be_told"), (False, 0.005, "cannot_be_told"), (False, 0.0, "cannot_be_told"),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(5))
async def test_a_change_as_small_as_the_rounding_is_told_over_many_tokens_and_a_smaller_one_is_not(loaded, change, verdict, seed):
    """As when the base was trained on in 4 bits and is served in bf16."""
    chance = random.Random(seed)
    base = [chance.uniform(-3, -0.5) for _ in range(64)]
    trained = [each + chance.gauss(0, change) for each in base]
    served = [each + chance.gauss(0, 0.12) for each in (trained if loaded else base)]
    one = ONE.model_copy(update={"ids": tuple(range(64)), "logprobs": tuple(trained), "base_logprobs": tuple(base)})
    server = ScriptServer()
    server.posts = [completion(None, -1.0, *served)]
    try:
        found = await check_parity(
            SMALL.model_copy(update={"continuations": (one,)}), ModelSettings(name="m", base_url=server.url), tolerance=0.4
        )
    finally:
        server.close()
    assert found.verdict == verdict
    assert (found.share is None) == (change == 0)


async def test_numbers_that_are_none_are_far_from_everything():
    server = ScriptServer()
    server.posts = [completion(None, -3.0, float("nan"), float("-inf"))]
    try:
        found = await check_parity(SMALL, ModelSettings(name="m", base_url=server.url), tolerance=0.1)
    finally:
        server.close()
    assert (found.verdict, found.holds) == ("too_far", False)


async def test_a_server_that_fails_at_everything_is_told_in_its_own_words():
    server = ScriptServer()
    server.posts = [Reply(500, '{"error":{"message":"EngineCore encountered an issue."}}')]
    try:
        with pytest.raises(ConfigError, match="500: EngineCore encountered an issue"):
            await check_parity(SMALL, ModelSettings(name="m", base_url=server.url), tolerance=0.1)
        server.posts = [Reply(500), Reply(body='{"choices": 1}')]
        server.bodies.clear()
        with pytest.raises(ConfigError, match="not a chat completion: choices: input should be a valid array"):
            await check_parity(SMALL, ModelSettings(name="m", base_url=server.url), tolerance=0.1)
    finally:
        server.close()
