"""Help in place: the documents, and a page for each error code."""

from app.console.handbook import document, error, index
