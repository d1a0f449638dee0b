"""Generative judges: a causal language model that writes a verdict about a message, e.g. Llama Guard.

The chat template is rendered once, when the model is loaded, around a mark; what stands before and behind the mark is
kept as pieces. A text is put between them as plain text: it never meets the template, and what looks like a special
piece in it (``<|eot_id|>``) is spelled out or left out, so that it cannot end its turn and write the verdict itself.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.folder import (
    GENERATION,
    MAX_JSON,
    TEMPLATE,
    TOKENIZER_CONFIG,
    Folder,
    malformed,
)
from runtime_guard.checkpoints.loading import Loaded
from runtime_guard.checkpoints.reader import CloseReader
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.checkpoints.verdicts import Verdicts
from runtime_guard.checkpoints.windows import TOGETHER, limits, padded, stride_of
from runtime_guard.encoder.pieces import Frame, grouped, windows_of
from runtime_guard.readers.interface import Reading, Unread

USUAL: Final = 4096
"""Pieces of a window, the template's included, where nothing is said."""

LEAST: Final = 8
"""Pieces of a text that a window has room for at least."""

_SPECIAL: Final = ("bos_token", "eos_token", "unk_token", "pad_token")
_TURNS: Final[Mapping[bool, Sequence[tuple[str, bool]]]] = {
    False: (("user", True),),
    True: (("user", False), ("assistant", True)),
}
"""Whether it is an answer: turns as the template wants them, and which of them is the text."""


class GenerativeJudge(CloseReader):
    """Asks for a verdict about every window of a message; what one of them is, the message is.

    Args:
        checkpoint: what was said about it.
        loaded: the model.
        folder: its files.

    Raises:
        ConfigError: ``checkpoint.template``, ``checkpoint.config``.
    """

    def __init__(self, checkpoint: Checkpoint, loaded: Loaded, folder: Folder) -> None:
        super().__init__(checkpoint, loaded)
        self._verdicts = Verdicts.of(checkpoint.safe, checkpoint.unsafe, checkpoint.labels)
        self._ends = _ends(loaded, folder)
        self._plain = _plain(loaded.tokenizer)
        self._reserved = _reserved(loaded.tokenizer)
        longest = checkpoint.max_length or min([USUAL, *limits(loaded, folder)])
        self._around = _around(loaded, folder)
        self._frames = {
            answer: _frame(checkpoint, longest - checkpoint.max_new_tokens - len(before) - len(behind))
            for answer, (before, behind) in self._around.items()
        }
        self._writing = GenerationConfig(
            max_new_tokens=checkpoint.max_new_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=list(self._ends),
            pad_token_id=self._ends[0],
        )

    def _judge(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading | Unread]:
        work = [
            (owner, asked)
            for owner, (text, role) in enumerate(zip(texts, roles, strict=True))
            for asked in self._asked(text, answer=role == "assistant")
        ]
        written: list[list[frozenset[str] | None]] = [[] for _ in texts]
        for group in grouped([len(ids) for _, ids in work], TOGETHER[self._loaded.placed.device]):
            for index, verdict in zip(group, self._write([work[index][1] for index in group]), strict=True):
                written[work[index][0]].append(verdict)
        return [self._reading(verdicts, role) for verdicts, role in zip(written, roles, strict=True)]

    def _asked(self, text: str, *, answer: bool) -> Iterator[list[int]]:
        """What the judge is given of a text, a window at a time."""
        before, behind = self._around[answer]
        for window in windows_of(text, self._plain, self._frames[answer]):
            yield [*before, *(piece for piece in window.ids if piece not in self._reserved), *behind]

    def _write(self, asked: Sequence[Sequence[int]]) -> list[frozenset[str] | None]:
        """A verdict per window; None where it is none, or did not come to its end."""
        ids, mask = padded(asked, self._ends[0], left=True)
        written = self._loaded.placed.run(partial(self._generate, ids, mask))
        return [self._verdict(row) for row in written[:, ids.shape[1] :].tolist()]

    def _generate(self, ids: Tensor, mask: Tensor, model: PreTrainedModel, device: str) -> Tensor:
        writing: Any = model
        writing.generation_config = self._writing  # what the checkpoint says of it is not asked
        with torch.inference_mode():
            written: Tensor = writing.generate(
                ids.to(device), attention_mask=mask.to(device), generation_config=self._writing
            )
        return written.cpu()

    def _verdict(self, pieces: Sequence[int]) -> frozenset[str] | None:
        end = next((place for place, piece in enumerate(pieces) if piece in self._ends), None)
        if end is None:
            return None
        return self._verdicts.read(self._loaded.tokenizer.decode(list(pieces[:end])))

    def _reading(self, verdicts: Sequence[frozenset[str] | None], role: str) -> Reading | Unread:
        named: set[str] = set()
        for verdict in verdicts:
            if verdict is None:
                return Unread("Its verdict is none.")
            named |= verdict
        return self._whole({label: float(label in named) for label in sorted(self.labels)}, role)


def _frame(checkpoint: Checkpoint, room: int) -> Frame:
    frame = Frame(room, stride_of(checkpoint, room), (), ())
    if room < LEAST or frame.overlap * 2 >= room:
        raise malformed(checkpoint.name, f"Beside its template, windows have room for {max(0, room)} pieces.")
    return frame


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer of strangers' text: what looks like a piece with a meaning of its own is spelled out."""
    said = json.loads(tokenizer.to_str())
    for piece in said["added_tokens"]:
        piece["special"] = True
    made = Tokenizer.from_str(json.dumps(said))
    made.encode_special_tokens = True
    return made


def _reserved(tokenizer: Tokenizer) -> frozenset[int]:
    """Special pieces, which a text must not hold however it comes to be spelled; the unknown one apart."""
    unknown = json.loads(tokenizer.to_str())["model"].get("unk_token")
    return frozenset(
        number
        for number, piece in tokenizer.get_added_tokens_decoder().items()
        if piece.special and piece.content != unknown
    )


def _ends(loaded: Loaded, folder: Folder) -> tuple[int, ...]:
    """Pieces that end a verdict."""
    for said in (folder.document(GENERATION).get("eos_token_id"), loaded.config.eos_token_id):
        listed = said if isinstance(said, list) else [said]
        ends = tuple(item for item in listed if isinstance(item, int) and 0 <= item < loaded.rows)
        if ends:
            return ends[:16]
    raise malformed(loaded.name, "It does not say which piece ends an answer (eos_token_id).")


def _around(loaded: Loaded, folder: Folder) -> dict[bool, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Pieces before and behind a text, of an answer and of everything else."""
    said = folder.document(TOKENIZER_CONFIG)
    template = said.get("chat_template")
    if folder.has(TEMPLATE):
        template = folder.read(TEMPLATE, MAX_JSON).decode("utf-8", "replace")
    if not isinstance(template, str):
        raise _bad_template(loaded.name, "There is none.")
    special = {key: value for key in _SPECIAL if (value := _text(said.get(key))) is not None}
    chat = PreTrainedTokenizerFast(tokenizer_object=loaded.tokenizer, **special)
    found: dict[bool, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for answer, turns in _TURNS.items():
        mark = secrets.token_hex(16)
        messages = [{"role": role, "content": mark if text else ""} for role, text in turns]
        try:
            rendered = chat.apply_chat_template(
                messages, chat_template=template, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:
            raise _bad_template(loaded.name, f"{type(error).__name__} at rendering it.") from None
        parts = str(rendered).split(mark)
        if len(parts) != 2:
            raise _bad_template(loaded.name, f"It holds the text {len(parts) - 1} times.")
        before, behind = (
            tuple(loaded.tokenizer.encode(part, add_special_tokens=False).ids) for part in parts
        )
        found[answer] = (before, behind)
    return found


def _text(value: Any) -> str | None:
    """A special piece of a tokenizer's configuration: its text, or an object with it."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _bad_template(name: str, why: str) -> ConfigError:
    return ConfigError(
        "checkpoint.template",
        f"The chat template of the model {name!r} cannot be used.",
        why=why,
        remedy="It must hold the text of a user, and of an assistant that answers a user, exactly once.",
    )
