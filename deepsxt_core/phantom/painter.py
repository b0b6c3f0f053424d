"""What all that is painted into a specimen shares: lengths in voxels, and places that are free."""

from deepsxt_core.phantom.bodies import Path
from deepsxt_core.phantom.materials import Label
from deepsxt_core.phantom.params import PhantomParams
from deepsxt_core.phantom.specimen import Box, Point, Specimen


class Painter:
    """Paints onto a specimen, with its random numbers."""

    def __init__(self, specimen: Specimen, params: PhantomParams) -> None:
        self.specimen = specimen
        self.params = params
        self.rng = specimen.rng

    def px(self, nm: float) -> float:
        """Return a length in nm as voxels."""
        return nm / self.params.voxel_size_nm

    def box_around(self, path: Path, reach_px: float) -> Box:
        """Return the box around a path, `reach_px` wider on all sides."""
        low, high = path.min(axis=0), path.max(axis=0)
        middle = tuple((low + high) / 2)
        return self.specimen.box(middle, tuple((high - low) / 2 + reach_px))

    def free_place(self, reach_px: float, label: Label = Label.CYTOSOL) -> Point | None:
        """Return a place with nothing but `label` around it, or None after some tries."""
        for _ in range(40):
            place = tuple(self.rng.uniform(0, n) for n in self.specimen.shape)
            if self._is_free(place, reach_px, label):  # type: ignore[arg-type]
                return place  # type: ignore[return-value]
        return None

    def _is_free(self, place: Point, reach_px: float, label: Label = Label.CYTOSOL) -> bool:
        labels = self.specimen.labels[self.specimen.box(place, reach_px + 3)]
        return bool((labels[::2, ::3, ::3] == label).all())

    def while_free(self, path: Path, radius: float) -> Path:
        """Cut a path where it first meets something else."""
        for count, point in enumerate(path):
            if not self._is_free(tuple(point), radius):
                return path[: max(count, 2)]
        return path
