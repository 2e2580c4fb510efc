"""The frame around the tabs: name, who is signed in, sign-out, light and dark as the system says."""

from __future__ import annotations

from html import escape

import gradio as gr

MARK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8" '
    'stroke-linecap="round"><path d="M12 2.5v19"/>'
    '<path d="M12 5.5c4.5 0 5.5 4.2 0 5.6-5.8 1.5-4.6 5.6 0 5.6 3 0 3.6 2.4 1.4 3.2"/>'
    "</svg>"
)
# Gradio decides on dark by this class; the page follows the system, and changes with it.
HEAD = """
<meta name="color-scheme" content="light dark">
<script>
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.body && document.body.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  addEventListener("DOMContentLoaded", follow);
})();
</script>
"""


def build_head(page: gr.Blocks) -> None:
    """The bar at the top; the name of who is signed in comes with the page's load."""
    head = gr.HTML(_bar(""), apply_default_css=False, elem_id="head")

    def load(request: gr.Request) -> str:
        user = request.request.scope.get("asklepion.user")
        return _bar(user.name if user is not None else "")

    page.load(load, None, head, show_progress="hidden", api_visibility="private")


def _bar(name: str) -> str:
    return (
        f'<header class="bar"><h1 class="brand">{MARK}<span>Asklepion</span></h1>'
        f'<span class="who">{escape(name)}</span>'
        '<a class="account" href="/account">Account</a>'
        '<form method="post" action="/logout"><button type="submit">Sign out</button></form></header>'
    )
