"""Read recordings: true presentation times, faithful pictures, every loss counted."""
