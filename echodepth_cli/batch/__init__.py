"""Many recordings, many workers, one true picture of how each ended."""
