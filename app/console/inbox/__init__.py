"""What waits for a decision of the person who looks."""

from app.console.inbox import index
