"""HTML: the text of a page's body, blocks as lines and table cells apart by tabs.

Menus, footers, scripts, forms and what is hidden are left out. Nothing is fetched and nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.corpus.lines import chunks, encoding_of
from training.corpus.problems import Note, Problem
from training.corpus.readers.options import ReadOptions, is_legacy, texts_of
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_BYTES = 32 * 1024 * 1024
_NOT_TEXT = (
    "script,style,noscript,template,svg,iframe,object,nav,footer,aside,form,button,select,dialog,"
    "[hidden],[aria-hidden=true],[role=navigation],[role=banner],[role=contentinfo]"
)
_BLOCKS = (
    "p,div,section,article,main,header,h1,h2,h3,h4,h5,h6,ul,ol,li,dl,dt,dd,table,tr,caption,blockquote,pre,"
    "figure,figcaption,address,hr,title"
)
# Characters that no page holds mark lines and cells while the page's own white space is folded.
_LINE, _CELL = "\ue000", "\ue001"


def read_html(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .html file as one text.

    Raises:
        BadDataError: it is too large, not text, or holds no tag.
    """
    if source.size > MAX_BYTES:
        raise BadDataError(
            f"{source.name} is larger than {MAX_BYTES // 1024**2} MB, too large for a page. Save it as text."
        )
    encoding = encoding_of(source)
    page = "".join(chunks(source, encoding))
    if not re.search(r"<[a-zA-Z!][^<>]*>", page):
        raise BadDataError(
            f"{source.name} is not an HTML page by its content. If it is text, rename it to .txt."
        )
    yield from is_legacy(source, encoding)
    yield from texts_of([page_text(page)], source.name, options.longest)


def page_text(page: str) -> str:
    """The text that a reader of the page sees."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page.replace(_LINE, "").replace(_CELL, ""))
    body = tree.body
    if body is None:
        return ""
    for node in body.css(_NOT_TEXT):
        node.decompose()
    root = _main_part(body)
    for node in root.css(_BLOCKS):
        node.insert_before(_LINE)
        node.insert_after(_LINE)
    for node in root.css("br"):
        node.insert_before(_LINE)
    for node in root.css("td,th"):
        node.insert_after(_CELL)
    text = re.sub(r"\s+", " ", root.text(separator=""))
    lines = (line.strip(f" {_CELL}").replace(_CELL, "\t") for line in text.split(_LINE))
    return "\n".join(line for line in lines if line)


def _main_part(body: LexborNode) -> LexborNode:
    """The `main` or `article` element, where it holds most of the text."""
    whole = len(body.text())
    for node in body.css("main,article"):
        if len(node.text()) > whole / 2:
            return node
    return body
