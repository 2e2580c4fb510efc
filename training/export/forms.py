"""The three forms of an export, each written beside its place and renamed when it is whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from training import cards, runs
from training.errors import BadConfigError, RunError
from training.export.gguf_file import OnProgress, Quantization, write_gguf
from training.export.merge import ADAPTER, Trained, is_adapter, load_trained, merged
from training.export.source import Source
from training.model_files import CARD, copy_file, model_files

Form = Literal["adapter", "merged", "gguf"]
FORMS: tuple[Form, ...] = get_args(Form)
_BYTES_A_WEIGHT = {"merged": 4.0, "f16": 2.0, "q8_0": 8.5 / 8}
_SPARE = 32 << 20


def _ignore(_: float, __: float, ___: str) -> None:
    """Nobody listens."""


def export(
    source: Source,
    form: Form,
    out: Path,
    on_progress: OnProgress = _ignore,
    quantization: Quantization = "f16",
    card: cards.CardChoices | None = None,
) -> Path:
    """Write the model to `out`.

    Args:
        source: what `open_source` or `of_version` found, so checked already.
        form: "adapter" (peft's folder), "merged" (a folder with safetensors), or "gguf" (one file).
        out: a path that isn't there yet; of a GGUF it ends in .gguf.
        on_progress: told how much is done, of how much, and what is being done.
        quantization: of a GGUF: "f16", or "q8_0" in half the space.
        card: what the model card may tell; of a GGUF there is none.

    Raises:
        RunError: the path is taken, there is no room, or the model can't be merged or loaded.
        BadConfigError: the model has no such form.
    """
    _check(source, form, out)
    with _written(out) as part:
        if form == "adapter":
            _write_adapter(source, part, on_progress)
        elif form == "merged":
            _write_merged(source, part, on_progress)
        else:
            _write_gguf(source, part, quantization, out.stem, on_progress)
        if form != "gguf":
            text = cards.card(source.version, form, card or cards.CardChoices())
            (part / CARD).write_text(text, encoding="utf-8")
    on_progress(1, 1, "done")
    return out


def _check(source: Source, form: Form, out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise RunError(f"{out} is there already. Choose another path; nothing is replaced.")
    if form == "adapter" and not is_adapter(source.model):
        raise BadConfigError(
            f"{source.version.name} is a whole model, not an adapter (method {source.config.method}). Export "
            "it as merged."
        )
    if form != "gguf":
        return
    if source.config.task != "causal":
        raise BadConfigError(
            f"GGUF is for models that write text; {source.version.name} was trained for task "
            f"{source.config.task}. Export it as merged."
        )
    if out.suffix != ".gguf":
        raise BadConfigError(f"The path of a GGUF must end in .gguf; it is {out.name}.")


def _write_adapter(source: Source, part: Path, on_progress: OnProgress) -> None:
    part.mkdir()
    files = model_files(source.model)
    for done, path in enumerate(files):
        on_progress(done, len(files), path.name)
        copy_file(path, part / path.name)
    config = json.loads((part / ADAPTER).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = cards.hub_name(source.version)  # no path of this machine
    (part / ADAPTER).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_merged(source: Source, part: Path, on_progress: OnProgress) -> None:
    if not is_adapter(source.model):
        part.mkdir()
        files = model_files(source.model)
        for done, path in enumerate(files):
            on_progress(done, len(files), path.name)
            copy_file(path, part / path.name)
        return
    whole = _whole(source, on_progress)
    _check_room(part.parent, whole.model, _BYTES_A_WEIGHT["merged"])
    on_progress(2, 3, "writing")
    whole.model.config._name_or_path = ""
    whole.model.save_pretrained(part)
    whole.tokenizer.save_pretrained(part)
    labels = source.model / runs.LABELS
    if labels.is_file():
        shutil.copyfile(labels, part / runs.LABELS)


def _write_gguf(
    source: Source, part: Path, quantization: Quantization, name: str, on_progress: OnProgress
) -> None:
    whole = _whole(source, on_progress)
    _check_room(part.parent, whole.model, _BYTES_A_WEIGHT[quantization])

    def follow(done: float, total: float, text: str) -> None:
        on_progress(2 + done / total, 3, text)

    write_gguf(whole.model, whole.tokenizer, part, quantization, name, _source_gguf(source), follow)


def _whole(source: Source, on_progress: OnProgress) -> Trained:
    on_progress(0, 3, "loading")
    trained = load_trained(source.model, source.config)
    on_progress(1, 3, "merging")
    return merged(trained, source.config.task)


def _source_gguf(source: Source) -> Path | None:
    """The GGUF that the base's tokenizer came from, if it came from one."""
    from assistant import weights
    from assistant.errors import WeightsError

    if source.config.base == "gpt":
        try:
            return weights.gpt_file()
        except WeightsError as error:
            raise RunError(str(error)) from error
    path = Path(source.config.base).expanduser()
    return path if path.suffix == ".gguf" and path.is_file() else None


def _check_room(folder: Path, model: Any, bytes_a_weight: float) -> None:
    needed = int(sum(weight.numel() for weight in model.parameters()) * bytes_a_weight) + _SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RunError(
            f"The disk is too full for this export: it needs {needed >> 20} MB and {free >> 20} MB are free. "
            "Make room, or choose another place."
        )


@contextmanager
def _written(out: Path) -> Iterator[Path]:
    """A place beside `out` that is renamed to it at the end, and removed if anything goes wrong."""
    from safetensors import SafetensorError

    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        yield part
        _sync(part)
        if out.exists():
            raise RunError(f"{out} has come to be meanwhile. Choose another path; nothing is replaced.")
        part.rename(out)
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"The export to {out} can't be written: {_reason(error)}. Nothing was kept."
        ) from error
    finally:
        _remove(part)


def _reason(error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code == errno.ENOSPC or "No space left" in str(error) or "written" in str(error):
        return "there is no room left on the disk"
    return getattr(error, "strerror", None) or str(error).split("\n", 1)[0][:200].rstrip(".")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    for each in path.iterdir() if path.is_dir() else (path,):
        _sync_file(each)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
