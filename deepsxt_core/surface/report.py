"""What the steps of a reconstruction have changed, and how people are told."""

from dataclasses import dataclass

from deepsxt_core.numerals import number_text
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.params import VOLUME_BOUND

# Of all voxels; membranes and organelles fill less.
_MOST_MARKED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the steps of a reconstruction have changed. Lengths in the unit of its surfaces.

    Attributes
    ----------
    objects_found : int
        Connected bodies above the threshold, after splitting.
    objects_too_small : int
        Of these, left out by the size filter.
    objects_merged : int
        By how many merging has lessened them.
    mended : tuple of (int, int, int)
        For each object of a label file whose voxels have changed so that no surface touches
        itself: its id, voxels gained, voxels lost.
    fitted : tuple of int
        Ids of objects whose cut surface enclosed more or less than their voxels and was moved
        until it did not: thin and small ones of a mask.
    faces_cut : int
        Triangles before thinning.
    smoothing_moved : float
        How far smoothing of the mesh has moved a point, at most.
    volume_change : float
        By what fraction smoothing and thinning have changed the volume of an object, at most;
        never more than `VOLUME_BOUND`.
    smoothed_less : tuple of int
        Ids of objects whose volume would have changed by more, and that were smoothed less.
    thinning_moved : float
        How far a point lies from the thinned surface, at most.
    not_thinned : tuple of int
        Ids of objects that kept all triangles, because fewer would have moved their surface
        farther than allowed, changed their volume, or torn them.
    unsound : tuple of int
        Ids of objects whose surface is not closed or has an edge of more than two faces.
    marked : float
        Share of all voxels that lie in objects, those left out included.
    """

    objects_found: int
    objects_too_small: int = 0
    objects_merged: int = 0
    mended: tuple[tuple[int, int, int], ...] = ()
    fitted: tuple[int, ...] = ()
    faces_cut: int
    smoothing_moved: float = 0.0
    volume_change: float = 0.0
    smoothed_less: tuple[int, ...] = ()
    thinning_moved: float = 0.0
    not_thinned: tuple[int, ...] = ()
    unsound: tuple[int, ...] = ()
    marked: float = 0.0

    def sentences(self, faces: int, unit: Unit) -> list[str]:
        """Return for people what has changed; `faces` are those at the end."""
        told = []
        if self.marked > _MOST_MARKED:
            told.append(
                f"{self.marked:.0%} of all voxels are marked. If the objects are what is not, the "
                "mask is inverted: give the value that lies outside of them (outside)."
            )
        if self.objects_too_small:
            told.append(
                f"{self.objects_too_small:,} of {self.objects_found:,} objects were below the "
                "smallest size and left out."
            )
        if self.objects_merged:
            told.append(f"Merging made {self.objects_merged} objects fewer.")
        if self.mended:
            gained, lost = (sum(each[place] for each in self.mended) for place in (1, 2))
            ids = tuple(each[0] for each in self.mended)
            told.append(
                f"So that no surface touches itself, {_listed(ids)} gained {gained:,} voxels "
                f"and lost {lost:,}."
            )
        if self.fitted:
            told.append(f"Cut so that they enclose what their voxels do: {_listed(self.fitted)}.")
        if self.smoothing_moved:
            told.append(
                "Smoothing of the mesh moved points by up to "
                f"{number_text(self.smoothing_moved, digits=3)} {unit}; "
                f"the volume of an object changed by up to {self.volume_change:.2%}."
            )
        if self.smoothed_less:
            told.append(
                f"Smoothed less, so that no volume changes by more than {VOLUME_BOUND:.0%}: "
                f"{_listed(self.smoothed_less)}."
            )
        if faces < self.faces_cut:
            told.append(
                f"Thinning left {faces:,} of {self.faces_cut:,} triangles; no point lies "
                f"farther than {number_text(self.thinning_moved, digits=3)} {unit} from the "
                "thinned surface."
            )
        if self.not_thinned:
            told.append(f"Not thinned, to keep their shape: {_listed(self.not_thinned)}.")
        if self.unsound:
            told.append(f"Not closed or not manifold: {_listed(self.unsound)}.")
        else:
            told.append("All surfaces are closed and manifold.")
        return told


def _listed(ids: tuple[int, ...], shown: int = 10) -> str:
    named = "object " if len(ids) == 1 else "objects "
    named += ", ".join(map(str, ids[:shown]))
    return named if len(ids) <= shown else f"{named} and {len(ids) - shown} more"
