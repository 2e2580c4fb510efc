"""The content security policy of Gradio's page (CSP Level 3; OWASP ASVS 5.0, 3.4.3), as strict as it allows.

Scripts: our own files, and inline ones only by the hash of what the server itself has just written: the
template's, and those of the app's `head`, which Gradio's script adds to the page. Nothing that gets into
the page later can run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re

_INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)
_BASE = re.compile(r"<base\s[^>]*>")
_CONFIG = "window.gradio_config = "
# style-src needs 'unsafe-inline': Svelte writes style attributes and elements as it draws.
# script-src needs 'unsafe-eval': Gradio's HTML component makes functions of its template and js_on_load,
# and none of our HTML is drawn without (seen in Chromium).
_PAGE = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; "
    "frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


def without_base(html: str) -> str:
    """`html` without its `base`: the page is only ever at "/", where Gradio's says nothing new."""
    return _BASE.sub("", html)


def page_policy(html: str) -> str:
    """The policy for this very page."""
    texts = inline_scripts(html)
    for text in tuple(texts):
        texts += inline_scripts(_head_of(text))
    return _PAGE.format(hashes="".join(f" '{_hash(text)}'" for text in dict.fromkeys(texts)))


def inline_scripts(html: str) -> list[str]:
    """The texts of the inline scripts in `html`."""
    return [found["text"] for found in _INLINE.finditer(html) if " src=" not in found["attributes"]]


def _head_of(script: str) -> str:
    """The app's own `head` in the script that holds Gradio's config, else nothing."""
    if not script.startswith(_CONFIG):
        return ""
    try:
        config = json.loads(script.removeprefix(_CONFIG).rstrip().removesuffix(";"))
    except ValueError:
        return ""
    head = config.get("head") if isinstance(config, dict) else None
    return head if isinstance(head, str) else ""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
