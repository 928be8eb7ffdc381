"""The web application for gunicorn: ``gunicorn wsgi:app``."""

from app.config.settings import Settings
from app.factory import create_app
from app.process_secrecy import close_to_others

close_to_others()
app = create_app(Settings.from_env())
