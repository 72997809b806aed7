"""Artefacts: Parquet, JSON, HTML, and how they come to stand under their names."""
