"""Operations: the list, one with its plan and log, and what a person decides about it."""

from app.console.operations import cancel, decisions, detail, index, plan, stream, together
