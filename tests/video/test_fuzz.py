"""A few hundred damaged recordings; `python -m tests.fuzz_video` tries thousands."""

from collections import Counter

import av

from tests import fuzz_video

_FINE = {"read", "refused"}
if int(av.__version__.partition(".")[0]) < 17:
    # The FFmpeg inside leaves memory unwritten in some damaged MJPEG pictures.
    _FINE |= {"not the same twice"}


def test_damaged_recordings_are_read_or_refused(tmp_path):
    outcomes = {path.name: outcome for path, outcome in fuzz_video.run(260, 0, tmp_path)}
    assert {name: outcome for name, outcome in outcomes.items() if outcome.kind not in _FINE} == {}
    kinds = Counter(outcome.kind for outcome in outcomes.values())
    assert min(kinds["read"], kinds["refused"]) > 20
