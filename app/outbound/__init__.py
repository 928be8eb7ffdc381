"""Requests to servers that somebody else chose: each goes to an address that was checked."""
