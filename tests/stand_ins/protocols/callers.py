"""Who calls: a token of the cloud is the token of an account of the sandbox service."""

from __future__ import annotations

from flask import request

from sandbox.service.accounts import Accounts
from sandbox.service.errors import InvalidTokenError


class Callers:
    """The accounts of the service, by their tokens."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def find(self, token: str) -> int | None:
        """Return whose token it is, if it is one."""
        try:
            account_id, _ = self._accounts.authenticate(token)
        except InvalidTokenError:
            return None
        return account_id

    def current(self) -> int | None:
        """Return whose token the request carries."""
        return self.find(request.headers.get("Authorization", "").removeprefix("Bearer "))
