"""A judge as small as can be: a Llama whose weights are written by hand, with a tokenizer and a template of its own.

Its one layer adds up what stands in the prompt; a word leads to one verdict, which is a single piece of the vocabulary,
and a verdict leads to the end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

SPECIAL = ("<pad>", "<unk>", "<begin>", "<end>", "<user>", "<assistant>")
WORDS = ("bake", "a", "cake", "please", "judge", "this", "<", ">")
VERDICTS = {
    "bomb": "unsafe\nS1",
    "knife": "unsafe\nS1,S3",
    "slur": "unsafe\nS2",
    "rude": "unsafe\nS9",
    "vague": "unsafe",
    "babble": "maybe",
    "chatty": "safe\nbut",
    "endless": "unsafe\nS1,",
}
"""What the judge writes of a message with that word; after ``endless`` it does not come to an end."""

TEMPLATE = (
    "<begin> judge this {% for message in messages %}<{{ message['role'] }}> {{ message['content'] }} <end> "
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
EOS = SPECIAL.index("<end>")
ASKED = SPECIAL.index("<assistant>")
WIDTH = 32


def tokenizer() -> Tokenizer:
    """Words between spaces; the special ones are special."""
    words = [*SPECIAL, *WORDS, *VERDICTS, "safe", *VERDICTS.values()]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    made.decoder = decoders.Fuse()
    made.add_special_tokens([AddedToken(word, special=True) for word in SPECIAL])
    return made


def write_judge(folder: Path, *, template: str = TEMPLATE, **more: Any) -> Path:
    """Write a judge down; ``more`` goes into its configuration."""
    words = tokenizer()
    config = LlamaConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=SPECIAL.index("<begin>"),
        eos_token_id=EOS,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        _script(model, words)
    folder.mkdir(parents=True)
    said = {**config.to_dict(), "architectures": ["LlamaForCausalLM"], **more}
    (folder / "config.json").write_text(json.dumps(said))
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(words.to_str())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": template, "bos_token": "<begin>", "eos_token": {"content": "<end>"}})
    )
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": [EOS], "do_sample": True, "temperature": 9.0, "max_length": 10**9})
    )
    return folder


def _script(model: LlamaForCausalLM, words: Tokenizer) -> None:
    """Dimension 0: a verdict is asked for; 1: one was written; 2: go on for ever; from 3 on, one per word."""
    for name, value in model.named_parameters():
        value.zero_()
        if "norm" in name:
            value.fill_(1.0)
        elif "v_proj" in name or "o_proj" in name:
            value.copy_(torch.eye(WIDTH))
    embedded, read = model.model.embed_tokens.weight, model.lm_head.weight
    embedded[ASKED, 0] = 0.01
    read[words.token_to_id("safe"), 0] = 1.0
    read[EOS, 1] = 50.0
    for number, (word, verdict) in enumerate(VERDICTS.items(), start=3):
        written = words.token_to_id(verdict)
        embedded[words.token_to_id(word), number] = 1.0
        read[written, number] = 10.0
        embedded[written, 2 if word == "endless" else 1] = 1.0
        if word == "endless":
            read[written, 2] = 50.0
    embedded[words.token_to_id("safe"), 1] = 1.0
