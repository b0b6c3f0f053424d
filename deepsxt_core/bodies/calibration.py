"""How sure a body is, and between which sizes its true one lies: learnt on simulated tomograms.

The interval of the size is that of split conformal prediction in classes of confidence (Vovk 2012,
https://doi.org/10.1007/s10994-013-5355-6, "Mondrian"): quantiles of the ratio of the true volume
to the one that was found, on phantoms that the network has not learnt from.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

_FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `tools/calibrate_bodies.py` has found.

    Attributes
    ----------
    weights : list of float
        Of a logistic regression on 1 and `Body.features`.
    edges : list of float
        Confidences between which the classes lie.
    ratios : list of (low, high)
        For each class, between what the true volume over the one that was found lies in 95 of 100
        cases.
    """

    weights: list[float]
    edges: list[float]
    ratios: list[tuple[float, float]]

    def confidence(self, features: NDArray[np.floating]) -> float:
        """Return how likely at least half of a body is right (overlap of 0.5), from 0 to 1."""
        return float(expit(self.weights[0] + np.dot(self.weights[1:], features)))

    def volume_ratio(self, confidence: float) -> tuple[float, float]:
        """Return the interval of the true volume over the one that was found."""
        low, high = self.ratios[int(np.searchsorted(self.edges, confidence, side="right"))]
        return low, high


@cache
def calibration() -> Calibration:
    """Return the one that comes with the program."""
    return Calibration(**json.loads(_FILE.read_text()))


def save(found: Calibration) -> None:
    """Keep a calibration as the one that comes with the program."""
    _FILE.write_text(json.dumps(asdict(found), indent=2) + "\n")
