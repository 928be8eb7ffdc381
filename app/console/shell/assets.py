"""Style sheets, scripts and icons: sent once, and kept by the browser until they change.

Each component has a style sheet of its own in ``static/css``; a browser gets them as one. The
address of every static file carries a digest of them all, so that a new release is seen at once
and nothing is asked for twice.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

VERSION = "v"
STATIC, STYLESHEET = "static", "stylesheet"
COMPONENTS = (
    "badge",
    "text",
    "heading",
    "button",
    "panel",
    "card",
    "note",
    "empty",
    "figure",
    "table",
    "facts",
    "filter",
    "tabs",
    "field",
    "sign-in",
    "stepper",
    "progress",
    "change",
    "diff",
    "log",
    "timeline",
    "operation",
    "drift",
    "dialog",
    "palette",
    "toast",
    "chart",
    "graph",
    "help",
    "swatch",
)
"""Each has its style sheet in ``static/css/components``; of two that say the same, the later."""

FOREVER = "public, max-age=31536000, immutable"
PACKED_TYPES = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
# The cascade: what everything is made of, plain elements and the frame of a page, then the parts.
SHEETS = ("tokens", "base", *(f"components/{name}" for name in COMPONENTS))


def register(app: Flask) -> None:
    """Serve the style sheet, and give every address of a static file its version."""
    root = Path(app.static_folder or "")
    version, sheet = digest_of(root), join_sheets(root / "css")
    packed: dict[str, bytes] = {}

    def send_stylesheet() -> Response:
        return Response(sheet, mimetype="text/css")

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in (STATIC, STYLESHEET):
            values[VERSION] = version

    def finish(response: Response) -> Response:
        if request.endpoint not in (STATIC, STYLESHEET) or response.status_code != 200:
            return response
        if request.args.get(VERSION) == version:
            response.headers["Cache-Control"] = FOREVER
        if response.mimetype in PACKED_TYPES and request.method == "GET":
            _pack(response, packed)
        return response

    app.add_url_rule("/static/console.css", STYLESHEET, send_stylesheet)
    app.url_defaults(add_version)
    app.after_request(finish)


def _pack(response: Response, packed: dict[str, bytes]) -> None:
    """Compress a file, once, for who takes it so; pages are not: they hold what is secret."""
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings.quality("gzip"):
        return
    response.direct_passthrough = False
    data = response.get_data()  # also when it is known already: what is read to the end is closed
    if request.path not in packed:
        packed[request.path] = gzip.compress(data, mtime=0)
    response.set_data(packed[request.path])
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("ETag", None)  # it names the file as it lies there


def digest_of(root: Path) -> str:
    """Return a short digest of all files below ``root``."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def join_sheets(folder: Path) -> bytes:
    """Return the style sheets of the console as one, in the order of the cascade."""
    return b"\n".join((folder / f"{name}.css").read_bytes() for name in SHEETS)
