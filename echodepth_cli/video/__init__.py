"""Decode recordings into frames at their true presentation times."""
