"""Every component in every state, to look at."""

from app.console.design import index
