"""Coverage, gaps and what a reader must be warned of."""

from echodepth_cli.affect.coverage import CoverageTracker
from echodepth_cli.records import FrameResult, FrameStatus

OK, NO_FACE, LOW = FrameStatus.OK, FrameStatus.NO_FACE, FrameStatus.LOW_CONFIDENCE


def _pushed(statuses):
    tracker = CoverageTracker()
    for index, status in enumerate(statuses):
        confidence = None if status is NO_FACE else 0.8
        tracker.push(FrameResult(index, index / 2, status, confidence))
    return tracker


def test_a_gap_runs_to_the_next_usable_frame_and_names_its_commonest_reason():
    quality = _pushed([OK, NO_FACE, NO_FACE, LOW, OK, OK]).finish(3.0)
    assert quality["gaps"] == [{"start_s": 0.5, "end_s": 2.0, "reason": "no_face_detected"}]
    assert quality["coverage"] == 0.5
    assert (quality["frames_no_face"], quality["frames_low_confidence"]) == (2, 1)


def test_a_gap_may_last_to_the_end_and_a_blink_of_one_is_only_counted():
    quality = _pushed([OK, LOW, OK, NO_FACE, NO_FACE, NO_FACE]).finish(3.0)
    assert [gap["end_s"] for gap in quality["gaps"]] == [3.0]
    assert quality["short_gaps"] == 1
