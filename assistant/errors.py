"""The assistant's error family. The message says what was wrong and what to do; the edge translates it."""


class AssistantError(Exception):
    """Base of every error the assistant raises on purpose."""


class BadInputError(AssistantError):
    """What the person gave can't be used (empty, too long, not text)."""


class WeightsError(AssistantError):
    """A weight file is missing, or is not the one on record."""


class EngineError(AssistantError):
    """A language-model engine could not be loaded or failed while generating."""


class CorpusError(AssistantError):
    """A corpus or training file can't be read."""


class UnreadableError(BadInputError):
    """A file can't be opened or read now; nothing is said of what is in it, and later it may be read."""
