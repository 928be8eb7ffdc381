"""A Redis of one test, which can be killed, stopped, halted and started again."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from app.config.settings import redis_socket
from tests.running import wait_until
from workers.embedded_redis import redis_command

PORT = 6379


class OwnRedis:
    """Runs from the beginning."""

    def __init__(self, home: Path, address: str = "") -> None:
        """Start it; at ``address`` others reach it, too, without a password."""
        self._home = home
        options = {"bind": address, "port": str(PORT), "protected-mode": "no"} if address else {}
        self._listening = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.url = f"unix://{redis_socket(home)}"
        self.client = Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, with what it had written, and return when it answers."""
        self._server = subprocess.Popen([*redis_command(self._home), *self._listening])
        wait_until(self._answers, "Redis")

    def kill(self) -> None:
        """Have it end at once."""
        self._server.kill()
        self._server.wait(20)

    def halt(self) -> None:
        """Have it accept connections, and answer nothing."""
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a halt."""
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it for good."""
        self.client.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
