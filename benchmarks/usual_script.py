"""The script most people would write: every n-th frame of a video through face mesh.

python benchmarks/usual_script.py VIDEO [FPS]
"""

import sys

import cv2
import mediapipe as mp


def main() -> None:
    """Read every frame with OpenCV and look for a face in some of them."""
    video = cv2.VideoCapture(sys.argv[1])
    fps = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    step = max(1, round(video.get(cv2.CAP_PROP_FPS) / fps))
    number = found = 0
    with mp.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh:
        while True:
            there, frame = video.read()
            if not there:
                break
            if number % step == 0:
                faces = mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).multi_face_landmarks
                found += faces is not None
            number += 1
    print(f"{number} frames, a face in {found}")


if __name__ == "__main__":
    main()
