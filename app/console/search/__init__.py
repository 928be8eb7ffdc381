"""One search for everything, as a page and as the palette of every page."""

from app.console.search import index
