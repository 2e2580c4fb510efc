"""The step between text and numbers: train a tokenizer, extend one, measure it and look inside."""

from training.tokenizers.extension import extend, grow_embeddings
from training.tokenizers.learning import OnRead, train_tokenizer
from training.tokenizers.measuring import Compared, Measured, compare, measure
from training.tokenizers.pieces import Piece, html_view, pieces
from training.tokenizers.settings import SIZES, TokenizerSettings
from training.tokenizers.storage import load, save
from training.tokenizers.texts import TrainTexts

__all__ = [
    "SIZES",
    "Compared",
    "Measured",
    "OnRead",
    "Piece",
    "TokenizerSettings",
    "TrainTexts",
    "compare",
    "extend",
    "grow_embeddings",
    "html_view",
    "load",
    "measure",
    "pieces",
    "save",
    "train_tokenizer",
]
