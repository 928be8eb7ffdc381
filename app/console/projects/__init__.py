"""Projects: rules, members, change windows and maintenance."""

from app.console.projects import check_windows, detail, index, maintenance, members
