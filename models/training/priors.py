"""What is known of each Action Unit's part in the scores before any photograph is looked at."""

from __future__ import annotations

PRIOR = {
    1: (-0.25, 0.20, -0.20),
    2: (0.25, 0.34, -0.05),
    4: (-0.60, 0.16, -0.10),
    5: (0.0, 0.40, -0.10),
    6: (0.40, 0.20, 0.20),
    7: (-0.20, 0.25, 0.05),
    9: (-0.55, 0.20, 0.10),
    10: (-0.45, 0.20, 0.10),
    12: (1.10, 0.40, 0.40),
    15: (-0.60, -0.10, -0.30),
    16: (-0.15, 0.15, 0.10),
    17: (-0.30, 0.0, -0.15),
    20: (-0.55, 0.30, -0.35),
    22: (-0.20, 0.20, 0.05),
    23: (-0.40, 0.25, 0.20),
    24: (-0.40, 0.20, 0.15),
    25: (0.0, 0.20, 0.0),
    26: (0.0, 0.30, -0.05),
    27: (-0.10, 0.30, -0.10),
    41: (0.0, -0.20, 0.0),
    42: (0.0, -0.25, 0.0),
    43: (0.0, -0.30, 0.0),
}
"""Signs and sizes expected of each AU's weights; see `vad_weights.toml` for the source."""

SHRINK = (1.0, 1.0, 0.5)
"""Share of target and prior that each score keeps: sources disagree on dominance even in sign."""
