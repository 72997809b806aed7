"""The sample interview: how it is performed, painted and encoded."""
