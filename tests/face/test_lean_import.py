"""Only what the face mesh needs is imported, and nobody else is any the worse for it."""

import subprocess
import sys

IMPORTED = """
import sys
from echodepth_cli.face.tracker import MediaPipeTracker, _rendered_face
with MediaPipeTracker() as tracker:
    ours = tracker.detect(_rendered_face())
print([name for name in ("matplotlib", "mediapipe.tasks", "sounddevice") if name in sys.modules])
import mediapipe as mp
print(mp.Image.__name__, mp.solutions.drawing_utils.__name__, mp.tasks.vision.__name__)
with mp.solutions.face_mesh.FaceMesh(
    static_image_mode=True, refine_landmarks=True, max_num_faces=4, min_detection_confidence=0.4
) as mesh:
    (face,) = mesh.process(_rendered_face()).multi_face_landmarks
height, width = _rendered_face().shape[:2]
print(float(ours[0][0, 0]) == face.landmark[0].x * width, len(face.landmark))
"""


def test_a_face_is_found_without_the_rest_of_mediapipe_which_still_works_afterwards():
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "[]",
        "Image mediapipe.python.solutions.drawing_utils mediapipe.tasks.python.vision",
        "True 478",
    ], done.stderr
