"""Backups: a consistent copy of SQL and the states it names, its verification, its restore."""
