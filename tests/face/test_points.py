"""Points of a face are read from the packed message, however they lie in it."""

import numpy as np
import pytest

from echodepth_cli.face.tracker import LANDMARKS, _points


@pytest.mark.parametrize("more", [{}, {"visibility": 0.5}])
def test_points_are_what_the_message_says(more):
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    expected = np.random.default_rng(0).random((LANDMARKS, 3), dtype=np.float32)
    message = NormalizedLandmarkList()
    for x, y, z in expected.tolist():
        message.landmark.add(x=x, y=y, z=z, **more)
    np.testing.assert_array_equal(_points(message.SerializeToString()), expected)
