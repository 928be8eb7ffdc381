"""The blueprint that all pages of signed-in people are on; a view says its own address.

Who may see them, and what is asked of every request, is told in ``app.console``.
"""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("console", "app.console")
