"""A WSGI application that is killed after it has committed a POST, before it has answered it."""

from __future__ import annotations

import os
import signal

from flask import Response, request

from app.config.settings import Settings
from app.factory import create_app

app = create_app(Settings.from_env())


@app.after_request
def die(response: Response) -> Response:
    if os.environ["DIES"] and request.method == "POST" and response.status_code == 202:
        os.kill(os.getpid(), signal.SIGKILL)
    return response
