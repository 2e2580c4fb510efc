"""The error family of tools/space. A message says what was wrong and what to do, never a secret."""

from __future__ import annotations


class SpaceError(Exception):
    """Base of every error raised on purpose here."""


class BadInputError(SpaceError):
    """An option, space.yaml or the environment can't be used; the message names it."""


class UnfitFolderError(SpaceError):
    """The folder breaks a rule of the hub, or holds what must not leave; the message names the file."""


class TrialError(SpaceError):
    """The app did not start or answer as it must on a Space."""


class PublishError(SpaceError):
    """The hub refused, or the Space did not come up."""
