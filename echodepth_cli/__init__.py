"""Turn recorded interviews into evidence a person can review."""
