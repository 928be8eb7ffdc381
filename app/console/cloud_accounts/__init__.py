"""Cloud accounts: the list, one with what its last check found, and its forms."""

from app.console.cloud_accounts import detail, edit, index, new
