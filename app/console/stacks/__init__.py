"""Stacks: the list, a new one, and the page of one with its tabs."""

from app.console.stacks import (
    destroy,
    drift,
    index,
    lock,
    new,
    operations,
    overview,
    resources,
    selected,
    settings,
    state,
    timeline,
)
