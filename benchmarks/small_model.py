"""A small model of the Qwen3 shape, made where it is used: tokenizer, weights, and some hundred steps on the ways of a careless engineer.

    python -m benchmarks.small_model DIR --suite SUITE [--layers 3] [--hidden 192] [--steps 600] [--device cpu] …

It reads the oracle's paths through tasks like those of `benchmarks.small_suite`, of none that is in SUITE, with what the tools would have answered
written beside them, and of the operator that is to be put in it learns nothing: in a stated share of the paths it is drawn by lot. So the model calls
tools in good order and is right about as often as chance has it, which is what a loop that verifies can better.

With --whole-lines what is the same in every conversation is one token a line: a rollout is then some hundred tokens instead of thousands, for
machines without a GPU.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.small_suite import OPERATIONS, WORDS, write_suite
from harness.agent import SYSTEM_PROMPT
from harness.oracle import ScriptedCall, reference_script
from harness.tools import schemas
from tasks.suite import load_suite
from tasks.task import Task
from training.recipe import find_recipe
from training.rendering import Renderer
from training.rows import ChatRow

TEMPLATE: Final = """\
{%- if messages[0].role == 'system' or tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}
{% endif %}{% if tools %}
Your tools, one a line:
{% for tool in tools %}{{ tool.function | tojson }}
{% endfor %}
Call one so:
<tool_call>
{"name": "its name", "arguments": {}}
</tool_call>{% endif %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}<|im_start|>assistant
<think>
{{ (message.reasoning_content or message.reasoning or '') | trim }}
</think>

{{ (message.content or '') | trim }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {% if call.function.arguments is string %}{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}{% endif %}}
</tool_call>{% endfor %}<|im_end|>
{% elif message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role == 'user' or not loop.first %}<|im_start|>{{ message.role }}
{{ message.content | trim }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% endif %}{% endif %}"""
"""ChatML, with calls as the hermes parser reads them. The empty thinking stays in the history, so that a trial is one row."""

_SPECIAL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_MARKS: Final = ("<think>", "</think>", "<tool_call>", "</tool_call>")
_SIGNS: Final = {name: sign for sign, name in OPERATIONS.items()}
_SHARED_LENGTH: Final = 4
"""Of the shortest piece of text that becomes a token of its own, in characters."""


@dataclass(frozen=True, slots=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    """Of 64 numbers each; half as many for keys and values."""
    vocabulary: int
    """Of the tokenizer, before shared lines."""


def paths(tasks: Sequence[Task], careless: float, chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Conversations, as `harness eval --model oracle` records them; in the stated share the operator is drawn by lot from all of them."""
    for task in tasks:
        wrong, right = _operators(task)
        chosen = chance.choice(list(OPERATIONS)) if chance.random() < careless else right
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": task.problem_statement},
        ]
        for step, call in enumerate(reference_script(task)):
            arguments = dict(call.arguments)
            if call.name == "edit":
                arguments["new_text"] = arguments["old_text"].replace(f"value {wrong} ", f"value {chosen} ")
            function = {"name": call.name, "arguments": json.dumps(arguments)}
            answer = {
                "role": "assistant",
                "content": call.words,
                "tool_calls": [{"id": f"c{step}", "type": "function", "function": function}],
            }
            told = _told(task, call, changed=chosen != wrong)
            messages += [answer, {"role": "tool", "tool_call_id": f"c{step}", "content": told}]
        yield messages[:-1]


def _operators(task: Task) -> tuple[str, str]:
    """The one that stands in the file, and the one that is asked for."""
    found = re.search(r"should give its value (\w+) \d+, and gives it (\w+) \d+", task.problem_statement)
    assert found is not None
    return _SIGNS[found[2]], _SIGNS[found[1]]


def _told(task: Task, call: ScriptedCall, *, changed: bool) -> str:
    """What the agent's tools answer."""
    if call.name == "view":
        lines = task.tree.files[call.arguments["path"]].decode().splitlines()
        return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, 1))
    if call.name == "edit":
        return f"edited {call.arguments['path']}"
    if call.name == "submit":
        return "submitted"
    if call.arguments["command"].startswith("git status"):
        return "package.json\nsrc\ntest\ntsconfig.json\n[exit code 0]"
    file = re.search(r"src/\w+\.ts", task.problem_statement)
    assert file is not None
    return f" {file[0]} | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n[exit code 0]" if changed else "[exit code 0]"


def make_tokenizer(texts: Sequence[str], shape: Shape, *, whole_lines: bool) -> Any:  # noqa: ANN401 - transformers is not typed
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    # Words of a name and single digits, wherever they stand, are the same tokens: what is copied is spelt the same.
    words = pre_tokenizers.Split(Regex("[A-Z]?[a-z]+|[0-9]| ?[^A-Za-z0-9]+|[A-Z]+"), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocabulary, special_tokens=list(_SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator([*texts, *(" ".join((word, word.title())) for word in (*WORDS, *_SIGNS))], trainer)
    backend.add_tokens(list(_MARKS))
    if whole_lines:
        backend.add_tokens([AddedToken(piece, normalized=False) for piece in _shared(texts)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _shared(texts: Sequence[str]) -> list[str]:
    """What stands in half of the conversations, between what differs from one to the next and the tokens that have a meaning."""
    words = "|".join((*WORDS, *_SIGNS))
    titles = "|".join(word.title() for word in _SIGNS)
    marks = "|".join(map(re.escape, ("<think>\n\n</think>\n\n", *_SPECIAL, *_MARKS)))  # an answer begins behind its prompt
    numbers = r"(?<=lus|nus|mes)[0-9]+|(?<=lus |nus |mes )[0-9]+|(?<=[-+*] )[0-9]+"
    differing = re.compile(rf"(?<![a-z])(?:{words})(?![a-z])|(?:{titles})(?![a-z])|[-+*] (?=[0-9])|{numbers}|{marks}")
    counts = Counter(piece for text in texts for piece in set(differing.split(text)) if len(piece) >= _SHARED_LENGTH)
    return sorted({"\n\n", *(f"{sign} " for sign in OPERATIONS), *(piece for piece, count in counts.items() if count >= len(texts) / 2)})


def train(examples: Sequence[Sequence[int]], tokenizer: Any, shape: Shape, options: argparse.Namespace) -> Any:  # noqa: ANN401 - transformers
    """All weights, on every token, on the whole documents."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(options.seed)
    # No fewer than the hidden size: vLLM warms adapters up with one of that many rows for a tied head, and ends where it has fewer.
    config = Qwen3Config(
        vocab_size=max(shape.hidden, math.ceil(len(tokenizer) / 64) * 64), hidden_size=shape.hidden, intermediate_size=3 * shape.hidden,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=max(1, shape.heads // 2), head_dim=64,
        max_position_embeddings=8192, tie_word_embeddings=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).to(options.device)
    print(f"{sum(each.numel() for each in model.parameters()) / 1e6:.1f} million weights, {len(tokenizer)} tokens", flush=True)
    rate = options.learning_rate
    matrices = [each for each in model.parameters() if each.ndim > 1]
    others = [each for each in model.parameters() if each.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    chance = random.Random(options.seed)
    order: list[int] = []
    began = time.monotonic()
    for step in range(options.steps):
        while len(order) < options.batch:
            order += chance.sample(range(len(examples)), len(examples))
        chosen, order = [examples[each] for each in order[: options.batch]], order[options.batch :]
        longest = max(map(len, chosen))
        ids = torch.tensor([[*row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in chosen], device=options.device)
        labels = ids.masked_fill(ids == tokenizer.pad_token_id, -100)
        share = min((step + 1) / 30, 1.0) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate * share
        with torch.autocast(options.device, dtype=torch.bfloat16, enabled=options.device != "cpu"):
            loss = model(input_ids=ids, labels=labels, attention_mask=(labels != -100).long()).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 25 == 0 or step == options.steps - 1:
            print(f"step {step}: loss {loss.item():.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--suite", type=Path, required=True, help="whose tasks the model must not have seen")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--vocabulary", type=int, default=1024)
    parser.add_argument("--tasks", type=int, default=20, help="read about, in each of 24 repositories")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--careless", type=float, default=1.0, help="share of paths whose operator is drawn by lot")
    parser.add_argument("--whole-lines", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    shape = Shape(options.layers, options.hidden, options.heads, options.vocabulary)
    known = {task.instance_id for task in load_suite(str(options.suite)).tasks}
    with tempfile.TemporaryDirectory() as place:
        write_suite(Path(place) / "read", train=len(WORDS), held_out=0, tasks=options.tasks, seed=options.seed)
        tasks = [task for task in load_suite(str(Path(place) / "read")).tasks if task.instance_id not in known]
        conversations = list(paths(tasks, options.careless, random.Random(options.seed)))
    tools = schemas()
    recipe = find_recipe("qwen3")
    plain = [as_text(messages, tools) for messages in conversations[:200]]
    tokenizer = make_tokenizer(plain, shape, whole_lines=options.whole_lines)
    renderer = Renderer(tokenizer, recipe)
    examples: list[list[int]] = []
    for number, messages in enumerate(conversations):
        row = ChatRow(f"path {number}", tuple(messages), tuple(tools), None)
        examples += [each.ids.tolist() for each in renderer.examples(row)]
    print(f"{len(tasks)} tasks, {len(examples)} documents of {sum(map(len, examples)) / len(examples):.0f} tokens", flush=True)
    model = train(examples, tokenizer, shape, options)
    options.directory.mkdir(parents=True, exist_ok=True)
    model.to(torch.float32 if options.device == "cpu" else torch.bfloat16).save_pretrained(options.directory)
    tokenizer.save_pretrained(options.directory)


def as_text(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
    """As the template renders it, with no tokenizer there yet."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    return str(
        made.apply_chat_template(_with_objects(messages), chat_template=TEMPLATE, tools=list(tools), tokenize=False, enable_thinking=False)
    )


def _with_objects(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Calls' arguments as templates take them."""
    made = []
    for message in messages:
        calls = [
            {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
            for call in message.get("tool_calls", [])
        ]
        made.append({**message, **({"tool_calls": calls} if calls else {})})
    return made


if __name__ == "__main__":
    main()
