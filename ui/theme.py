"""The house's Gradio theme: its palette in light and dark, system fonts, nothing fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

CSS = Path(__file__).parent / "static" / "app.css"
PLOTS_CSS = Path(__file__).parent / "static" / "plots.css"
SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
TEAL = gr.themes.Color(
    c50="#e9f6f5", c100="#cdeae8", c200="#a1d8d4", c300="#5cc4bd", c400="#2f9d97", c500="#178580",
    c600="#0f6e6a", c700="#0b5855", c800="#094543", c900="#063331", c950="#032120", name="teal",
)  # fmt: skip


def build_theme() -> gr.themes.Base:
    """The theme; fonts are the system's own, so the page asks nobody for any."""
    return gr.themes.Base(
        primary_hue=TEAL, secondary_hue=TEAL, neutral_hue="slate", font=list(SANS), font_mono=list(MONO)
    ).set(
        body_background_fill="#f7f5f0",
        body_background_fill_dark="#12191d",
        body_text_color="#1c2b33",
        body_text_color_dark="#e8e6e0",
        body_text_color_subdued="#58666d",
        body_text_color_subdued_dark="#a3b0b6",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1a2429",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a2429",
        block_border_color="#d9d4c7",
        block_border_color_dark="#2f3d44",
        border_color_primary="#d9d4c7",
        border_color_primary_dark="#2f3d44",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1a2429",
        input_placeholder_color="#66737a",
        input_placeholder_color_dark="#93a1a8",
        button_primary_background_fill="#0f6e6a",
        button_primary_background_fill_hover="#0b5855",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_border_color="#d9d4c7",
        button_secondary_border_color_dark="#2f3d44",
        block_radius="14px",
    )
