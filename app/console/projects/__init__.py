"""Projects: rules, members, change windows and maintenance."""

from app.console.projects import check_windows, costs, detail, index, maintenance, members
