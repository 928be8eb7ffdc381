"""Asks a file system in a thread of its own, so that a hung mount cannot hold the caller.

A read from a mount whose server is gone may block for ever and cannot be interrupted. The thread
that asked is then left behind; until it comes back, nobody else is sent after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class NoAnswerError(Exception):
    """The file system did not answer in time; ``OSError`` has a ``TimeoutError`` of its own."""


_left_behind: dict[Path, threading.Thread] = {}


def ask_within(root: Path, seconds: float, question: Callable[[], Answer]) -> Answer:
    """Return what ``question`` answers about the file system at ``root``, or raise its error.

    Raises:
        NoAnswerError: there was no answer in time, or an earlier question still waits for one.
    """
    earlier = _left_behind.get(root)
    if earlier is not None and earlier.is_alive():
        raise NoAnswerError
    asked = _Asked(question)
    thread = threading.Thread(target=asked.run, name=f"asks {root}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _left_behind[root] = thread
        raise NoAnswerError
    return asked.answer()


class _Asked(Generic[Answer]):
    """A question and what came of it in the other thread."""

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._answers: list[Answer] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._answers.append(self._question())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asked
            self._error = error

    def answer(self) -> Answer:
        if self._error is not None:
            raise self._error
        return self._answers[0]
