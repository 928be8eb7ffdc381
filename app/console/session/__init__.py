"""Sign in and out, the session's cookie, and the password asked for once more."""
