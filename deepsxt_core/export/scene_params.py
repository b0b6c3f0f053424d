"""What a PyVista scene shows."""

from dataclasses import dataclass
from typing import Literal

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.figures import Theme

VolumeChoice = Literal["none", "score", "tomogram"]
Dense = Literal["dark", "bright"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneParams:
    """What a scene shows, and how coarsely.

    Attributes
    ----------
    volume : {"none", "score", "tomogram"}
        What is rendered as a volume. One at a time: two volumes in one place cannot be drawn in
        the right order by the browser's viewer.
    planes : bool
        Three slices of the tomogram, each across an axis.
    plane_at : tuple of float
        Where they stand along (z, y, x), 0 for the first voxel and 1 for the last.
    surfaces : bool
    scale : bool
        A box with ticks and a scale bar.
    opacity : float
        Of the densest voxels of the volume, in (0, 1].
    surface_opacity : float
        In (0, 1]. Below 1, what lies behind a surface and in a volume is mixed in a rough order.
    score_from : float
        Scores up to this one are not drawn, in [-1, 1).
    dense : {"dark", "bright"}
        Which grey values of the tomogram stand for much matter.
    max_voxels : int
        A volume of more is averaged to fewer.
    max_faces : int
        Surfaces of more are thinned, for display alone.
    theme : {"light", "dark"}
        The background.

    Raises
    ------
    InvalidParameterError
        If one of them is out of its range, or nothing is left to show.
    """

    volume: VolumeChoice = "score"
    planes: bool = True
    plane_at: tuple[float, float, float] = (0.5, 0.5, 0.5)
    surfaces: bool = False
    scale: bool = True
    opacity: float = 0.3
    surface_opacity: float = 1.0
    score_from: float = 0.0
    dense: Dense = "dark"
    max_voxels: int = 2_000_000
    max_faces: int = 150_000
    theme: Theme = "light"

    def __post_init__(self) -> None:
        for name in ("opacity", "surface_opacity"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidParameterError(
                    f"{name} must be above 0 and at most 1: got {getattr(self, name)}."
                )
        if len(self.plane_at) != 3 or not all(0 <= place <= 1 for place in self.plane_at):
            raise InvalidParameterError(
                f"plane_at must be three numbers from 0 to 1 (z, y, x): got {self.plane_at}."
            )
        if not -1 <= self.score_from < 1:
            raise InvalidParameterError(
                f"score_from must be at least -1 and below 1: got {self.score_from}."
            )
        for name in ("max_voxels", "max_faces"):
            if getattr(self, name) < 1000:
                raise InvalidParameterError(
                    f"{name} must be at least 1000: got {getattr(self, name)}."
                )
        if self.volume == "none" and not self.planes and not self.surfaces:
            raise InvalidParameterError(
                "A scene must show something: choose a volume, planes or surfaces."
            )
