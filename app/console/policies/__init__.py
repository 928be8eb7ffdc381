"""Policies: the sets, and one set as a text with its checks."""

from app.console.policies import edit, index
