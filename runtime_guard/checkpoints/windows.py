"""Texts as windows that a model of one's own can take, and its logits for them, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from runtime_guard.checkpoints.folder import TOKENIZER_CONFIG, Folder, malformed
from runtime_guard.checkpoints.loading import Loaded
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.encoder.pieces import Frame, Pieces, grouped, windows_of

USUAL: Final = 512
"""Pieces of a window where nothing is said."""

TOGETHER: Final = {"cpu": 4096, "cuda": 65_536}
"""Pieces that are run together, padding included."""

_RESERVED: Final = 2
"""Positions that some architectures keep for themselves, at their beginning: fairseq's."""


def frame_of(loaded: Loaded, folder: Folder, checkpoint: Checkpoint) -> Frame:
    """How texts are cut for a classifier; a window of that length was tried.

    Args:
        loaded: the model.
        folder: its files, for what its tokenizer says of lengths.
        checkpoint: what was asked for.

    Raises:
        ConfigError: ``checkpoint.config``: the model cannot take such a window.
    """
    opening, closing = special_pieces(loaded.tokenizer)
    longest = checkpoint.max_length or min([USUAL, *limits(loaded, folder)])
    asked = (longest,) if checkpoint.max_length else (longest, longest - _RESERVED)
    for length in asked:
        frame = Frame(length, stride_of(checkpoint, length), opening, closing)
        if frame.overlap * 2 < frame.room and _takes(loaded, length):
            return frame
    raise malformed(loaded.name, f"It does not take windows of {longest} pieces.")


def stride_of(checkpoint: Checkpoint, room: int) -> int:
    """Pieces that neighbouring windows share: what was asked for, else a quarter."""
    return room // 4 if checkpoint.stride is None else checkpoint.stride


def limits(loaded: Loaded, folder: Folder) -> list[int]:
    """Pieces that model and tokenizer say they take."""
    said = [
        getattr(loaded.config, "max_position_embeddings", None),
        folder.document(TOKENIZER_CONFIG).get("model_max_length"),
    ]
    return [value for value in said if isinstance(value, int) and value >= 8]


def special_pieces(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids that the tokenizer puts before and behind a text."""
    encoded = tokenizer.encode("a")
    marks = encoded.special_tokens_mask
    inside = [place for place, special in enumerate(marks) if not special]
    first, last = (inside[0], inside[-1] + 1) if inside else (len(marks), len(marks))
    return tuple(encoded.ids[:first]), tuple(encoded.ids[last:])


def read_windows(loaded: Loaded, frame: Frame, texts: Sequence[str]) -> list[list[tuple[Pieces, Tensor]]]:
    """The windows of each text, with what a classifier says of them; none for a text without pieces.

    Raises:
        RuntimeError, ValueError: as :func:`logits_of`.
    """
    cut = [
        [item for item in windows_of(text, loaded.tokenizer, frame) if item.last > item.first]
        for text in texts
    ]
    said = iter(logits_of(loaded, [window.ids for windows in cut for window in windows]))
    return [[(window, next(said)) for window in windows] for windows in cut]


def logits_of(loaded: Loaded, windows: Sequence[Sequence[int]]) -> list[Tensor]:
    """What a classifier says of each window, float32, on the CPU: (labels,), or (pieces, labels) of a tagger.

    Args:
        loaded: the model.
        windows: ids of each, not empty.

    Raises:
        RuntimeError: the device failed.
        ValueError: what it says are no numbers.
    """
    found: list[Tensor] = [torch.empty(0)] * len(windows)
    lengths = [len(window) for window in windows]
    pad = pad_of(loaded)
    for group in grouped(lengths, TOGETHER[loaded.placed.device] if pad is not None else 1):
        ids, mask = padded([windows[index] for index in group], pad or 0)
        logits = loaded.placed.run(partial(_forward, ids, mask))
        for row, index in enumerate(group):
            part = logits[row] if logits.dim() == 2 else logits[row, : lengths[index]]
            if not bool(torch.isfinite(part).all()):
                raise ValueError("logits are not finite")
            found[index] = part
    return found


def _forward(ids: Tensor, mask: Tensor, model: PreTrainedModel, device: str) -> Tensor:
    with torch.inference_mode():
        said: Tensor = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
    return said.float().cpu()


def outputs_of(loaded: Loaded) -> int:
    """How many outputs a classifier has.

    Raises:
        ConfigError: ``checkpoint.config``: it is none.
    """
    try:
        (said,) = logits_of(loaded, [[_any_piece(loaded)]])
    except (RuntimeError, ValueError, AttributeError, IndexError) as error:
        raise malformed(loaded.name, f"{type(error).__name__} at reading one piece.") from None
    return int(said.shape[-1])


def pad_of(loaded: Loaded) -> int | None:
    """The id that fills up; None where the model has none, so that each window is run alone."""
    pad = loaded.config.pad_token_id
    return pad if isinstance(pad, int) and 0 <= pad < loaded.rows else None


def padded(windows: Sequence[Sequence[int]], pad: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Ids and mask of windows, int64, (windows, longest).

    Args:
        windows: ids of each.
        pad: fills up.
        left: before a window, as for a model that writes on.
    """
    length = max(len(window) for window in windows)
    ids = torch.full((len(windows), length), pad, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, window in enumerate(windows):
        place = slice(length - len(window), length) if left else slice(0, len(window))
        ids[row, place] = torch.tensor(window)
        mask[row, place] = 1
    return ids, mask


def _takes(loaded: Loaded, length: int) -> bool:
    """Whether the model reads a window of that length."""
    try:
        logits_of(loaded, [[_any_piece(loaded)] * length])
    except (IndexError, RuntimeError, ValueError):
        return False
    return True


def _any_piece(loaded: Loaded) -> int:
    """An id that is not the one that fills up."""
    return ((pad_of(loaded) or 0) + 1) % loaded.rows
