"""How requests are signed in: with a token, or with a session that renews its tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from landform_client.answers import Tokens

EARLY_SECONDS = 30.0
"""A token that ends this soon is renewed before it is used."""


class SignIn(Protocol):
    """Knows the token of each request."""

    def token(self) -> str | None:
        """Return the token to send."""

    def renew(self, refused: str | None) -> bool:
        """Get another token than ``refused``; tell whether there is one."""


@dataclass(frozen=True)
class FixedToken:
    """An API token, or no token at all."""

    text: str | None

    def token(self) -> str | None:
        return self.text

    def renew(self, refused: str | None) -> bool:
        return False


class Session:
    """The tokens of somebody who signed in.

    Threads may share it: a refresh token works once, and using it again ends the session, so one
    thread renews and the others take what it got.
    """

    def __init__(self, tokens: Tokens, refresh: Callable[[str], Tokens]) -> None:
        self._refresh = refresh
        self._lock = threading.Lock()
        self._take(tokens)

    @property
    def tokens(self) -> Tokens:
        """The present tokens."""
        return self._tokens

    def token(self) -> str | None:
        if time.monotonic() > self._renew_at:
            self.renew(self._tokens["access_token"])
        return self._tokens["access_token"]

    def renew(self, refused: str | None) -> bool:
        """Use the refresh token, unless another thread did meanwhile.

        Raises:
            NotSignedInError: the session has ended.
        """
        with self._lock:
            if self._tokens["access_token"] == refused:
                self._take(self._refresh(self._tokens["refresh_token"]))
        return True

    def _take(self, tokens: Tokens) -> None:
        self._tokens = tokens
        life = float(tokens["expires_in"])
        self._renew_at = time.monotonic() + max(life - EARLY_SECONDS, life / 2)
