"""Webhooks: the list, one with its deliveries, and its forms."""

from app.console.webhooks import detail, edit, index, new
