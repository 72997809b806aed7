"""Numbers to meaning: Action Units, scores, baseline, alerts."""
