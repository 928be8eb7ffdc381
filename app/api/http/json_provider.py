"""Write every JSON answer of the web application with exact numbers."""

from __future__ import annotations

from typing import Any

from flask.json.provider import DefaultJSONProvider

from app import exact_json


class ExactJsonProvider(DefaultJSONProvider):
    """Writes numbers as Terraform has them; one that programs cannot read becomes a text."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return ``obj`` as JSON."""
        kwargs.setdefault("default", self.default)
        kwargs.setdefault("ensure_ascii", self.ensure_ascii)
        kwargs.setdefault("sort_keys", self.sort_keys)
        return exact_json.dumps(obj, large_as_text=True, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON."""
        return exact_json.loads(s, **kwargs)
