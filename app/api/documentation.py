"""The browsable page of the API; everything it loads is served by Landform itself."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

blueprint = Blueprint("documentation", "app.api.documentation")


@blueprint.get("/api/docs")
def show() -> str:
    """Show every operation of the API on one page."""
    document = current_app.extensions["landform_api"].spec.to_dict()
    return render_template("api/docs.html", document=document)
