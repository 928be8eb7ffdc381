"""Orphaned resources of the whole fleet."""

from app.console.orphans import index
