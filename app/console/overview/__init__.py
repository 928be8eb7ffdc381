"""The first page: what is wrong, what runs, what waits, and the first steps."""

from app.console.overview import index, tour
