"""Text -> text without the identifiers that were found: Safe Harbor kinds, by rules and a learned head."""

from assistant.extraction.deidentify.deidentifier import Deidentifier
from assistant.extraction.deidentify.identifiers import KINDS, MODES, Deidentified, Identifier, Mode

__all__ = ["KINDS", "MODES", "Deidentified", "Deidentifier", "Identifier", "Mode"]
