"""A few hundred damaged recordings; `python -m tests.fuzz_video` tries thousands."""

from collections import Counter

from tests import fuzz_video


def test_damaged_recordings_are_read_or_refused(tmp_path):
    outcomes = {path.name: outcome for path, outcome in fuzz_video.run(260, 0, tmp_path)}
    bad = {k: v for k, v in outcomes.items() if v.kind not in {"read", "refused"}}
    assert bad == {}
    kinds = Counter(outcome.kind for outcome in outcomes.values())
    assert min(kinds["read"], kinds["refused"]) > 20
