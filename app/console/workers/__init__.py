"""The workers, and what waits for them."""

from app.console.workers import index
