"""Flask extensions, not yet bound to an application; ``app.factory`` binds them."""

from __future__ import annotations

from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

jwt = JWTManager()

limiter = Limiter(
    key_func=get_remote_address,
    storage_uri="memory://",  # one web process; it must work while Redis is away
    strategy="moving-window",
    headers_enabled=True,
)
