"""Drift: what changed outside Landform, what can be done about it, and the ignore rules."""

from app.console.drift import finding, fix, index, rules
