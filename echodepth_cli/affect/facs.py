"""The 46 rows that echodepth reports: FACS codes 1 to 46, and what a camera can say of each.

Numbers, names and muscles follow the public lists (Ekman & Friesen 1978; Ekman, Friesen & Hager
2002); descriptions are our own. Codes 3 (infants only), 19, 29, 30, 32 to 37 and 40 are not
Action Units in the strict sense but share the numbering.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """How far a frame can show a unit."""

    MEASURED = "measured"
    """Landmarks or skin texture carry it; its figures are in the model card."""
    PROXY = "proxy"
    """Only an indirect cue exists; treat as a hint."""
    NOT_OBSERVABLE = "not_observable"
    """Always null: a camera that sees the face cannot tell."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One FACS code."""

    number: int
    name: str
    description: str
    """What is seen, in plain words."""
    muscles: str
    region: str
    """`brow`, `eye`, `nose`, `cheek`, `mouth`, `jaw` or `neck`."""
    lateral: bool
    """Left and right are measured apart."""
    status: Status
    why: str
    """What the status rests on, or why the unit cannot be seen."""

    @property
    def label(self) -> str:
        """Return the column name, such as AU04."""
        return f"AU{self.number:02d}"


_M, _P, _N = Status.MEASURED, Status.PROXY, Status.NOT_OBSERVABLE

ACTION_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit(1, "Inner brow raiser", "The inner ends of the brows go up.",
        "frontalis, inner part", "brow", True, _M, "rise of the inner brow"),
    ActionUnit(2, "Outer brow raiser", "The outer ends of the brows go up.",
        "frontalis, outer part", "brow", True, _M, "rise of the outer brow"),
    ActionUnit(3, "Inner corner brow tightener", "Seen in infants only.",
        "procerus, corrugator", "brow", False, _N, "not defined for adults; part of AU4"),
    ActionUnit(4, "Brow lowerer", "The brows come down or together.",
        "corrugator, depressor supercilii, procerus", "brow", True, _M,
        "fall and approach of the brows"),
    ActionUnit(5, "Upper lid raiser", "The upper lids go up and the eyes widen.",
        "levator palpebrae superioris", "eye", True, _M,
        "upper lid against the iris; small movement"),
    ActionUnit(6, "Cheek raiser", "The cheeks rise and narrow the eyes from below.",
        "orbicularis oculi, outer part", "cheek", True, _M, "rise of the cheek and lower lid"),
    ActionUnit(7, "Lid tightener", "The lower lids tighten and rise.",
        "orbicularis oculi, lid part", "eye", True, _M, "lower lid; the smallest movement here"),
    ActionUnit(8, "Lips toward each other", "The lips approach while the jaw is down.",
        "orbicularis oris", "mouth", False, _P, "only told with a dropped jaw"),
    ActionUnit(9, "Nose wrinkler", "The nose wrinkles and its wings rise.",
        "levator labii superioris alaeque nasi", "nose", True, _M,
        "rise of the nose wings and upper lip; close to AU10"),
    ActionUnit(10, "Upper lip raiser", "The upper lip is drawn up.",
        "levator labii superioris", "mouth", True, _M, "rise of the upper lip; close to AU9"),
    ActionUnit(11, "Nasolabial furrow deepener", "The furrow beside the nose deepens.",
        "zygomaticus minor", "cheek", True, _P, "hardly moves a landmark"),
    ActionUnit(12, "Lip corner puller", "The lip corners are drawn up and out, as in a smile.",
        "zygomaticus major", "mouth", True, _M, "travel of the lip corners; the best signal"),
    ActionUnit(13, "Sharp lip puller", "The lip corners go straight up, the cheeks puff.",
        "levator anguli oris", "mouth", True, _P,
        "lip corners up without out; trained on a made shape"),
    ActionUnit(14, "Dimpler", "The lip corners tighten inwards.",
        "buccinator", "mouth", True, _M, "lip corners back and in; close to AU12"),
    ActionUnit(15, "Lip corner depressor", "The lip corners are pulled down.",
        "depressor anguli oris", "mouth", True, _M, "fall of the lip corners"),
    ActionUnit(16, "Lower lip depressor", "The lower lip is pulled down.",
        "depressor labii inferioris", "mouth", True, _M, "fall of the lower lip against the chin"),
    ActionUnit(17, "Chin raiser", "The chin and lower lip are pushed up.",
        "mentalis", "mouth", False, _M, "rise of the chin and the lip seam"),
    ActionUnit(18, "Lip pucker", "The lips are drawn together and forward.",
        "incisivii labii", "mouth", False, _M, "narrowing of the mouth"),
    ActionUnit(19, "Tongue show", "The tongue is seen.",
        "genioglossus", "mouth", False, _P, "no landmark; not estimated in this version"),
    ActionUnit(20, "Lip stretcher", "The lip corners are drawn sideways.",
        "risorius, platysma", "mouth", True, _M, "widening of the mouth"),
    ActionUnit(21, "Neck tightener", "The neck tightens.",
        "platysma", "neck", False, _N, "the neck is outside the landmarks"),
    ActionUnit(22, "Lip funneler", "The lips open outwards like a funnel.",
        "orbicularis oris", "mouth", False, _M, "lips turned out"),
    ActionUnit(23, "Lip tightener", "The lips tighten and narrow.",
        "orbicularis oris", "mouth", False, _M,
        "narrowing of the red lips; trained on a made shape"),
    ActionUnit(24, "Lip pressor", "The lips are pressed together.",
        "orbicularis oris", "mouth", False, _M, "lips thinner, lower lip up; close to AU17"),
    ActionUnit(25, "Lips part", "The lips come apart.",
        "depressor labii or relaxed mentalis", "mouth", False, _M, "gap between the lips"),
    ActionUnit(26, "Jaw drop", "The jaw hangs open.",
        "masseter relaxed", "jaw", False, _M, "jaw opening, graded with AU27"),
    ActionUnit(27, "Mouth stretch", "The mouth is stretched wide open.",
        "pterygoids, digastric", "jaw", False, _M, "upper range of the jaw opening"),
    ActionUnit(28, "Lip suck", "The lips are sucked in over the teeth.",
        "orbicularis oris", "mouth", False, _M, "red lips disappear"),
    ActionUnit(29, "Jaw thrust", "The jaw is pushed forward.",
        "pterygoids, masseter", "jaw", False, _P, "a frontal camera sees a sixth of it"),
    ActionUnit(30, "Jaw sideways", "The jaw goes to one side.",
        "pterygoids, temporalis", "jaw", True, _M, "sideways travel of the chin"),
    ActionUnit(31, "Jaw clencher", "The jaw muscles tighten.",
        "masseter", "jaw", False, _N, "only a bulge at the angle of the jaw"),
    ActionUnit(32, "Lip bite", "The lip is bitten.",
        "-", "mouth", False, _P, "seen as a lip rolled in"),
    ActionUnit(33, "Cheek blow", "Air is blown through the lips.",
        "buccinator, orbicularis oris", "cheek", False, _P,
        "not told apart from AU34; not estimated in this version"),
    ActionUnit(34, "Cheek puff", "The cheeks are puffed out.",
        "-", "cheek", False, _P, "mostly towards the camera"),
    ActionUnit(35, "Cheek suck", "The cheeks are sucked in.",
        "buccinator", "cheek", False, _P, "mostly away from the camera"),
    ActionUnit(36, "Tongue bulge", "The tongue bulges a cheek or lip.",
        "-", "cheek", False, _N, "no landmark, no typical place"),
    ActionUnit(37, "Lip wipe", "The tongue wipes the lips.",
        "-", "mouth", False, _P, "needs the tongue over time; not estimated in this version"),
    ActionUnit(38, "Nostril dilator", "The nostrils widen.",
        "nasalis, wing part", "nose", False, _P, "one or two pixels; trained on a made shape"),
    ActionUnit(39, "Nostril compressor", "The nostrils narrow.",
        "nasalis, transverse part", "nose", False, _P,
        "one or two pixels; trained on a made shape"),
    ActionUnit(40, "Sniff", "A short breath through the nose.",
        "-", "nose", False, _N, "a sound and a moment, not a face"),
    ActionUnit(41, "Lid droop", "The upper lids hang a little.",
        "levator palpebrae relaxed", "eye", True, _M, "first band of the lid closure"),
    ActionUnit(42, "Slit", "The eyes are open by a slit.",
        "orbicularis oculi", "eye", True, _M, "second band of the lid closure"),
    ActionUnit(43, "Eyes closed", "The eyes are closed.",
        "levator palpebrae relaxed, orbicularis oculi", "eye", True, _M,
        "last band of the lid closure; gaze down is told by the iris"),
    ActionUnit(44, "Squint", "The lids are drawn together.",
        "orbicularis oculi, lid part", "eye", True, _P, "the lid tightener with half-closed lids"),
    ActionUnit(45, "Blink", "Both eyes close for a moment.",
        "levator palpebrae relaxed, orbicularis oculi", "eye", False, _M,
        "a lid closure over within half a second; told from eight pictures a second"),
    ActionUnit(46, "Wink", "One eye closes for a moment.",
        "orbicularis oculi", "eye", True, _M,
        "closure of one eye well ahead of the other, in the frame itself"),
)  # fmt: skip
"""All rows in order; the unit with number n is at index n - 1."""


def action_unit(number: int) -> ActionUnit:
    """Return the unit with a number from 1 to 46."""
    return ACTION_UNITS[number - 1]
