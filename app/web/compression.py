"""Send long answers of the API as gzip to clients that take it.

Only what no web page can ask for: the API takes tokens in a header that browsers add to no
request, and allows no other origin, so nobody can have a victim's secrets compressed beside text
of their own again and again and measure the length (BREACH). Pages of the console, which a cookie
opens, are never compressed, nor are answers that are about secrets.
"""

from __future__ import annotations

import gzip
import re

from flask import Response, request

LEAST_BYTES = 1024
LEVEL = 5
TYPES = ("application/json", "application/problem+json", "text/plain", "text/csv")
API = "/api/v1/"
SECRET = re.compile(r"/api/v1/(?:auth|tokens)(?:/|$)|/secret$|/download$|/outputs$")


def compress(response: Response) -> Response:
    """Compress an answer in place where that is worth it and safe."""
    if not _may_be_compressed(response):
        return response
    response.vary.add("Accept-Encoding")
    if takes_gzip():
        response.set_data(pack(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
    return response


def takes_gzip() -> bool:
    """Tell whether the present client takes gzip."""
    return bool(request.accept_encodings.quality("gzip") > 0)


def pack(data: bytes) -> bytes:
    """Return ``data`` as gzip, always the same."""
    return gzip.compress(data, LEVEL, mtime=0)


def _may_be_compressed(response: Response) -> bool:
    return (
        request.path.startswith(API)
        and SECRET.search(request.path) is None
        and response.mimetype in TYPES
        and response.is_sequence
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
        and len(response.get_data()) >= LEAST_BYTES
    )
