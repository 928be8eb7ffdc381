"""Who may sign in, and with what: users, one's own account, second factor and API tokens."""

from app.console.access import account, second_factor, tokens, user, users
