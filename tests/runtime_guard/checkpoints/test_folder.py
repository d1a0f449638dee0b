"""Nothing of a checkpoint is parsed that is not bounded, data, and what was signed or pinned."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.domain import ArtifactKind
from govkernel.errors import ConfigError
from govkernel.provenance import LocalKey, sign_artifact
from govkernel.provenance.digest import describe
from runtime_guard.checkpoints.folder import Folder
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.checkpoints.settings import Checkpoint


class Evil:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> object:
        return (os.mkdir, (str(self._mark),))


def refusal(checkpoint: Checkpoint) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(checkpoint)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pickle_is_refused_and_never_loaded_whatever_it_is_called(
    tagger: Checkpoint, tmp_path: Path, name: str
) -> None:
    (tagger.path / "model.safetensors").unlink()
    mark = tmp_path / "ran"
    (tagger.path / name).write_bytes(pickle.dumps(Evil(mark)))
    assert refusal(tagger).code == "checkpoint.unsafe"
    assert not mark.exists()


def weights_gone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def tokenizer_gone(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def config_gone(folder: Path) -> None:
    (folder / "config.json").unlink()


def config_a_folder(folder: Path) -> None:
    config_gone(folder)
    (folder / "config.json").mkdir()


def config_a_pipe(folder: Path) -> None:
    config_gone(folder)
    os.mkfifo(folder / "config.json")


def config_endless(folder: Path) -> None:
    with (folder / "config.json").open("ab") as stream:
        stream.write(b" " * (4 * 1024 * 1024 + 1))


def config_no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def config_a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def weights_cut(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1])


def weights_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def weights_listed_pickles(folder: Path) -> None:
    weights_gone(folder)
    index = {"weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def weights_unlisted(folder: Path) -> None:
    weights_gone(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": [1]}')


def tokenizer_nonsense(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": {"type": "Nonsense"}}')


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (weights_gone, "checkpoint.missing"),
        (tokenizer_gone, "checkpoint.tokenizer"),
        (config_gone, "checkpoint.missing"),
        (config_a_folder, "checkpoint.missing"),
        (config_a_pipe, "checkpoint.missing"),
        (config_endless, "checkpoint.too-large"),
        (config_no_json, "checkpoint.unsafe"),
        (config_a_list, "checkpoint.config"),
        (weights_cut, "checkpoint.unsafe"),
        (weights_elsewhere, "checkpoint.unsafe"),
        (weights_listed_pickles, "checkpoint.unsafe"),
        (weights_unlisted, "checkpoint.config"),
        (tokenizer_nonsense, "checkpoint.tokenizer"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_not_a_checkpoint_is_refused(
    tagger: Checkpoint, lie: Callable[[Path], None], code: str
) -> None:
    lie(tagger.path)
    assert refusal(tagger).code == code


def test_a_folder_that_is_not_there_is_refused(tagger: Checkpoint) -> None:
    assert refusal(replace(tagger, path=tagger.path / "more")).code == "checkpoint.missing"


def test_links_are_followed_where_nothing_was_signed_or_pinned(tagger: Checkpoint, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for file in tagger.path.iterdir():
        (snapshot / file.name).symlink_to(file)
    assert open_checkpoint(replace(tagger, path=snapshot)).name == "names"


def test_weights_in_parts_are_put_together(tagger: Checkpoint) -> None:
    from safetensors.torch import load_file, save_file

    whole = load_file(tagger.path / "model.safetensors")
    names = sorted(whole)
    parts = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for part, held in parts.items():
        save_file({name: whole[name] for name in held}, tagger.path / part)
    weights_gone(tagger.path)
    index = {"weight_map": {name: part for part, held in parts.items() for name in held}}
    (tagger.path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert [found.label for found in open_checkpoint(tagger).detect("anna", "user")] == ["PERSON"]


def signed(checkpoint: Checkpoint) -> Checkpoint:
    key = LocalKey.generate()
    made = sign_artifact(checkpoint.path, ArtifactKind.MODEL, key, now=datetime(2026, 1, 1, tzinfo=UTC))
    bundle, pem = (checkpoint.path.with_suffix(suffix) for suffix in (".sigstore.json", ".pub"))
    bundle.write_bytes(made.bundles[0].content)
    pem.write_bytes(key.public_key_pem())
    return replace(checkpoint, bundle=bundle, key=pem)


def pinned(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, digest=str(describe(checkpoint.path, ArtifactKind.MODEL).digest))


vouched = pytest.mark.parametrize("vouch", [signed, pinned])


@vouched
def test_what_was_signed_or_pinned_is_loaded(
    tagger: Checkpoint, vouch: Callable[[Checkpoint], Checkpoint]
) -> None:
    assert [found.label for found in open_checkpoint(vouch(tagger)).detect("anna", "user")] == ["PERSON"]


@vouched
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_changed_since_is_refused_before_it_is_parsed(
    tagger: Checkpoint, vouch: Callable[[Checkpoint], Checkpoint], file: str
) -> None:
    chosen = vouch(tagger)
    content = (tagger.path / file).read_bytes()
    (tagger.path / file).write_bytes(b" " + content)
    assert refusal(chosen).code == "checkpoint.unverified"


@vouched
def test_a_file_that_changes_after_the_list_was_verified_is_refused(
    tagger: Checkpoint, vouch: Callable[[Checkpoint], Checkpoint]
) -> None:
    folder = Folder.of(vouch(tagger))
    (tagger.path / "config.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        folder.document("config.json")
    assert caught.value.code == "checkpoint.unverified"


@vouched
def test_a_file_that_nobody_vouched_for_is_not_there(
    tagger: Checkpoint, vouch: Callable[[Checkpoint], Checkpoint]
) -> None:
    (tagger.path / "tokenizer_config.json").unlink()
    folder = Folder.of(vouch(tagger))
    (tagger.path / "tokenizer_config.json").write_text('{"model_max_length": 1}')
    assert folder.document("tokenizer_config.json") == {}
    with pytest.raises(ConfigError):
        folder.read("tokenizer_config.json", 100)


def test_a_pinned_digest_binds_names(tagger: Checkpoint) -> None:
    chosen = pinned(tagger)
    (tagger.path / "tokenizer_config.json").rename(tagger.path / "chat_template.jinja")
    assert refusal(chosen).code == "checkpoint.unverified"


def test_a_pinned_folder_holds_no_links(tagger: Checkpoint, tmp_path: Path) -> None:
    chosen = pinned(tagger)
    (tagger.path / "config.json").rename(tmp_path / "config.json")
    (tagger.path / "config.json").symlink_to(tmp_path / "config.json")
    error = refusal(chosen)
    assert error.code == "checkpoint.unverified"
    assert "provenance.symlink" in (error.why or "")


def test_the_signature_of_another_key_vouches_for_nothing(tagger: Checkpoint) -> None:
    chosen = signed(tagger)
    assert chosen.key is not None
    chosen.key.write_bytes(LocalKey.generate().public_key_pem())
    assert refusal(chosen).code == "checkpoint.unverified"


def test_the_signature_of_something_else_vouches_for_nothing(tagger: Checkpoint, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Be kind.")
    key = LocalKey.generate()
    made = sign_artifact(prompt, ArtifactKind.PROMPT, key, now=datetime(2026, 1, 1, tzinfo=UTC))
    bundle, pem = tmp_path / "bundle", tmp_path / "pub"
    bundle.write_bytes(made.bundles[0].content)
    pem.write_bytes(key.public_key_pem())
    assert refusal(replace(tagger, bundle=bundle, key=pem)).code == "checkpoint.unverified"


def test_a_signature_that_is_not_there_is_told(tagger: Checkpoint, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert refusal(replace(tagger, bundle=gone, key=gone)).code == "checkpoint.missing"
