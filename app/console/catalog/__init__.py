"""The catalog: which kinds there are, what each takes and gives, and where it is offered."""

from app.console.catalog import index, kind
