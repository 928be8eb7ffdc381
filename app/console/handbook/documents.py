"""The documents of ``docs/`` as pages: Markdown to HTML that the strict policy allows.

Owns which documents there are, their headings, and where a link between them leads in the console.
A document is rendered once a process. It is Landform's own text; what it shows of HTML is still
escaped, but for the anchors that other pages point to.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from app.errors import NotFoundError

DOCS = Path(__file__).resolve().parents[3] / "docs"
ANCHOR = re.compile(r'<a id="[a-z0-9_-]+">|</a>')
NOT_IN_SLUG = re.compile(r"[^\w\- ]")
CODE_HEADING = re.compile(r"`([a-z_]+)`")
HELP, OPENAPI = "/help", "/api/v1/openapi.json"


@dataclass(frozen=True)
class Heading:
    """A heading of the second level, and the fragment that leads to it."""

    slug: str
    text: str


@dataclass(frozen=True)
class Document:
    """One document, ready for a page. ``name`` is its path below ``docs`` without ``.md``."""

    name: str
    title: str
    summary: str
    html: Markup
    headings: tuple[Heading, ...]


@cache
def document_names() -> tuple[str, ...]:
    """Return the names of all documents."""
    found = (path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md"))
    return tuple(sorted(path.as_posix() for path in found))


@cache
def read_document(name: str) -> Document:
    """Return a document by its name.

    Raises:
        NotFoundError: there is none of that name.
    """
    if name not in document_names():
        raise NotFoundError(f"There is no document {name!r}.")
    tokens = _parse(name)
    headings = [
        Heading(str(token.attrGet("id")), _plain(tokens[place + 1]))
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    ]
    title = next((_plain(t) for t in tokens if t.type == "inline"), name)
    summary = next(
        (_plain(t) for t in tokens if t.type == "inline" and t.level == 1 and t is not tokens[1]),
        "",
    )
    return Document(name, title, summary, _render(tokens), tuple(headings))


@cache
def runbook_page(code: str) -> Markup | None:
    """Return what the runbook says about an error code, or nothing when it has no page."""
    tokens = _parse("runbook")
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h3":
            found = CODE_HEADING.fullmatch(tokens[place + 1].content)
            if found is not None and found[1] == code:
                return _render(_until_heading(tokens[place + 3 :]))
    return None


def _parse(name: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse((DOCS / f"{name}.md").read_text(encoding="utf-8"))
    for place, token in enumerate(tokens):
        token.attrs.pop("style", None)  # alignment of columns, which the policy forbids inline
        if token.type == "heading_open":
            token.attrSet("id", _slug(_plain(tokens[place + 1])))
        for child in token.children or ():
            _lead(child, name)
    return tokens


def _until_heading(tokens: Sequence[Token]) -> list[Token]:
    end = next((n for n, token in enumerate(tokens) if token.type == "heading_open"), len(tokens))
    return list(tokens[:end])


def _render(tokens: Sequence[Token]) -> Markup:
    renderer = _Renderer()
    html = renderer.render(tokens, MarkdownIt("commonmark").options, {})
    # The text is Landform's own, and the renderer escapes all of it but its own tags.
    return Markup(html)  # noqa: S704  # nosec B704


class _Renderer(RendererHTML):
    """Escapes HTML in a document, but for anchors."""

    def html_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        text = tokens[idx].content
        return text if ANCHOR.fullmatch(text) else escape(text)

    html_block = html_inline


def _lead(token: Token, name: str) -> None:
    """Have a link or picture of the document ``name`` lead to where the console has its target."""
    attribute = {"link_open": "href", "image": "src"}.get(token.type)
    if attribute is None:
        return
    target = _address(str(token.attrGet(attribute)), name)
    if target is None:
        token.attrs.pop(attribute)
    else:
        token.attrSet(attribute, target)


def _address(link: str, name: str) -> str | None:
    if link.startswith(("https://", "http://", "#")):
        return link
    path, _, fragment = link.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    known = path.removesuffix(".md")
    if path == "openapi.json":
        return OPENAPI
    if path.startswith("images/"):
        return f"{HELP}/{path}"
    if known not in document_names():
        return None  # a file of the repository, which is not served
    return f"{HELP}/{known}" + (f"#{fragment}" if fragment else "")


def _plain(inline: Token) -> str:
    """Return the text of an inline token without its marks."""
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or ()
        if child.type in ("text", "code_inline", "softbreak", "hardbreak")
    )


def _slug(text: str) -> str:
    """Return the fragment of a heading as GitHub makes it, so that links work in both places."""
    return NOT_IN_SLUG.sub("", text.lower()).replace(" ", "-")
