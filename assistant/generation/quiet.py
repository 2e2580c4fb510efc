"""Imports OpenVINO so that it reports to nobody.

`import openvino` sends a usage event through the package `openvino_telemetry` unless a consent file
in the home folder says no. It falls back to its own empty stand-in when that package can't be
imported, so the package is barred before the first import: no file is written and no socket opened.
"""

from __future__ import annotations

import sys
from types import ModuleType

from assistant.errors import EngineError

TELEMETRY = "openvino_telemetry"


def openvino_genai() -> ModuleType:
    """The module `openvino_genai`, imported with telemetry barred.

    Raises:
        EngineError: it is not installed or can't be loaded here, or OpenVINO was imported elsewhere
            with its telemetry.
    """
    if sys.modules.get(TELEMETRY) is not None:
        raise EngineError(
            "OpenVINO was imported with its telemetry on. Import it only through assistant.generation.quiet."
        )
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # documented: makes the import fail
    try:
        import openvino_genai as module
    except (ImportError, OSError) as error:
        raise EngineError(
            f"The OpenVINO engine can't be loaded: {error}. Run: pip install -r requirements.txt, "
            "or choose the engine 'transformers'."
        ) from error
    return module  # type: ignore[no-any-return]
