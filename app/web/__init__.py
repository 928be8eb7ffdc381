"""What API and console share of HTTP: who asks, errors, limits, streams."""
