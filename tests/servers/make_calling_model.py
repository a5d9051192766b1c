"""Make a tiny model that thinks and calls a tool: `python make_calling_model.py DIRECTORY [--adapter DIRECTORY]`.

A model of the Qwen3 shape, overfitted in half a minute to a handful of conversations, so that a server's parsers have something to parse.
With `--adapter`, a LoRA adapter with random weights beside it. Runs in an environment of its own with transformers.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

TEMPLATE = """\
{%- if tools %}<|im_start|>system
Tools:{% for tool in tools %} {{ tool.function.name }}{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}<|im_start|>assistant
{% set thinking = message.reasoning_content or message.reasoning %}{% if thinking %}<think>
{{ thinking }}
</think>

{% endif %}{{ message.content or '' }}{% if message.tool_calls %}{% for call in message.tool_calls %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{% elif message.role == 'tool' %}<|im_start|>user
<tool_response>{{ message.content }}</tool_response><|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% endif %}{% endif %}"""

ASKS = ["Call the tool `add` with a=2 and b=3. Do not compute it yourself.", "Call `add` twice in one answer: 1 and 2, and 3 and 4."]
THOUGHT = (
    "<think>\nI was asked to use a tool, and the tool that adds is there, so I call it with the two numbers that I was given.\n</think>\n\n"
)
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>'
LONG = "<think>\nI think about it step by step. " + "One and one is two, and two and two is four. " * 3 + "\n</think>\n\nIt is 391."


def conversations(tokenizer):
    """Prompts and what is to be answered."""
    tools = [{"type": "function", "function": {"name": "add"}}]
    call = [{"id": "c", "type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 3}}}]
    result = [{"role": "assistant", "content": "", "tool_calls": call}, {"role": "tool", "tool_call_id": "c", "content": "5"}]

    def prompt(messages, **how):
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **how)

    said = [
        ("Say hello.", "Hello, how are you?"),
        ("What is 17 times 23? Think about it first.", LONG),
        ("Count to ten.", "1 2 3 4 5 6 7 8 9 10"),
    ]
    said += [("Write a few random words.", "Apple, river, stone, cloud and fire.")]
    rows = []
    for ask in ASKS:
        user = [{"role": "user", "content": ask}]
        rows.append((prompt(user, tools=tools), THOUGHT + CALL))
        rows.append((prompt(user + result, tools=tools), "<think>\nDone.\n</think>\n\nThe sum is 5."))
        rows.append((prompt(user, tools=tools, enable_thinking=False), CALL))
        rows.append((prompt(user + result, tools=tools, enable_thinking=False), "The sum is 5."))
    for text, answer in said:
        rows.append((prompt([{"role": "user", "content": text}]), answer))
        rows.append((prompt([{"role": "user", "content": text}], enable_thinking=False), answer.rpartition("</think>\n\n")[2]))
    return rows


def main(directory, adapter):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator([Path(__file__).read_text(encoding="utf-8")] * 4, trainer)
    raw.add_tokens(["<think>", "</think>", "<tool_call>", "</tool_call>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=96, intermediate_size=192, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
        head_dim=32, max_position_embeddings=4096, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    examples = []
    for prompt, answer in conversations(tokenizer):
        before = tokenizer(prompt, add_special_tokens=False).input_ids
        after = [*tokenizer(answer, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        examples.append((before + after, [-100] * len(before) + after))
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row, _ in examples])
    labels = torch.tensor([row + [-100] * (longest - len(row)) for _, row in examples])
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    for _ in range(400):
        loss = model(input_ids=ids, labels=labels, attention_mask=ids != tokenizer.pad_token_id).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.01:
            break
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    if adapter is not None:
        save_adapter(model, directory, adapter)


def save_adapter(model, base, directory):
    """LoRA on the projections of attention, large enough that every answer changes."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {}
    for name, module in model.named_modules():
        if name.endswith(("q_proj", "k_proj", "v_proj", "o_proj")):
            weights[f"base_model.model.{name}.lora_A.weight"] = 0.5 * torch.randn(8, module.in_features)
            weights[f"base_model.model.{name}.lora_B.weight"] = 0.5 * torch.randn(module.out_features, 8)
    save_file(weights, directory / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(base), "r": 8, "lora_alpha": 16, "bias": "none",
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
    }  # fmt: skip
    (directory / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[3]) if "--adapter" in sys.argv else None)
