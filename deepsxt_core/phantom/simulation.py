"""A whole simulated tomogram: a cell, its tilt series, its reconstruction, and the truth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.phantom.anatomy import Cell, Filopodium
from deepsxt_core.phantom.materials import Label
from deepsxt_core.phantom.microscope import tilt_series
from deepsxt_core.phantom.params import PhantomParams
from deepsxt_core.phantom.reconstruction import back_project
from deepsxt_core.phantom.specimen import Organelle, Specimen
from deepsxt_core.phantom.visibility import visible_membranes
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import VoxelSize

_BODIES = {
    "mitochondrion": Label.MITOCHONDRION,
    "droplet": Label.LIPID_DROPLET,
    "vesicle": Label.VESICLE,
    "reticulum": Label.RETICULUM,
}
CLASSES = ("membrane", "nucleus", *_BODIES)
"""What a phantom tells the place of, by the names of the classes of models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """A simulated tomogram and all that is known about it. Arrays are (z, y, x).

    Attributes
    ----------
    volume : ndarray
        float32: the reconstructed linear absorption coefficient in µm⁻¹, negated, so that
        membranes are dark.
    truth : ndarray
        bool: `label_px` wide over every membrane that can be seen. Left out, as people leave
        them out, are those that the missing wedge hides (see `phantom.visibility`).
    labels : ndarray
        uint8: `Label`, the class of every voxel; membranes as wide as in `truth`, seen or not.
    organelle_ids : ndarray
        uint16: the number of the innermost organelle at each voxel, its membrane included, or 0.
    organelles : tuple of Organelle
        Mitochondria, vesicles, droplets and the reticulum; number i + 1 is at place i, also where
        nothing of it lies in the tomogram.
    lac : ndarray
        float32: the linear absorption coefficient that was simulated, in µm⁻¹.
    voxel_size_nm : VoxelSize
    filopodia : tuple of Filopodium
        Their middle lines, diameters and lengths.
    params : PhantomParams
    """

    volume: NDArray[np.float32]
    truth: NDArray[np.bool_]
    labels: NDArray[np.uint8]
    organelle_ids: NDArray[np.uint16]
    organelles: tuple[Organelle, ...]
    lac: NDArray[np.float32]
    voxel_size_nm: VoxelSize
    filopodia: tuple[Filopodium, ...]
    params: PhantomParams

    def organelle(self, number: int) -> NDArray[np.bool_]:
        """Return where an organelle and all that lies in it is, bool (z, y, x)."""
        inner = {one.number for one in self.organelles if one.within == number}
        return np.isin(self.organelle_ids, [number, *inner])

    def of_class(self, name: str) -> NDArray[np.bool_]:
        """Return where one of `CLASSES` is, bool (z, y, x).

        Membranes are those of `truth`. All others are bodies with their membrane, so that they
        overlap with it.
        """
        if name == "membrane":
            return self.truth
        if name == "nucleus":
            return np.isin(self.labels, (Label.NUCLEUS, Label.NUCLEOLUS, Label.NUCLEAR_ENVELOPE))
        found = np.zeros(self.labels.shape, bool)
        for one in self.organelles:
            if one.label == _BODIES[name]:
                found |= self.organelle(one.number)
        return found


def simulate(params: PhantomParams, progress: Progress | None = None) -> Phantom:
    """Simulate a cell, measure it with a microscope, and reconstruct it.

    Parameters
    ----------
    params : PhantomParams
        For example ``replace(PRESETS["hzb"], seed=3)``.
    progress : Progress, optional
        Advances by projections, then by slices; may raise `CancelledError`.
    """
    progress = progress or NoProgress()
    cells, photons = (
        np.random.default_rng(s) for s in np.random.SeedSequence(params.seed).spawn(2)
    )
    margin = round(params.surroundings_nm / params.voxel_size_nm)
    depth, height, width = params.shape
    specimen = Specimen(
        cells, (depth + 2 * margin, height, width), params.voxel_size_nm, params.label_px
    )
    cell = Cell(specimen, params, margin)
    cell.paint(progress)
    inner = slice(margin, margin + depth)
    truth = visible_membranes(
        specimen.walls, specimen.labels, params.tilt_range_deg, 0.25 / params.cutoff, progress
    )[inner].copy()
    organelle_ids, organelles = specimen.organelle_ids[inner].copy(), tuple(specimen.organelles)
    labels, lac = specimen.labels[inner].copy(), specimen.lac
    # Only the absorption is needed any more: a large specimen fills the memory.
    del specimen, cell.specimen
    series = tilt_series(lac, params, photons, progress)
    volume = back_project(
        series,
        params.tilts_deg,
        depth,
        params.voxel_size_nm / 1000,
        cutoff=params.cutoff,
        progress=progress,
    )
    np.negative(volume, out=volume)
    return Phantom(
        volume=np.ascontiguousarray(volume),
        truth=truth,
        labels=labels,
        organelle_ids=organelle_ids,
        organelles=organelles,
        lac=np.ascontiguousarray(lac[inner]),
        voxel_size_nm=VoxelSize.isotropic(params.voxel_size_nm),
        filopodia=tuple(cell.filopodia),
        params=params,
    )


def simulate_slices(
    params: PhantomParams, count: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield pairs (image float32, truth bool), both (y, x), of `count` phantoms, seed by seed."""
    for seed in range(params.seed, params.seed + count):
        phantom = simulate(replace(params, seed=seed))
        yield from zip(phantom.volume, phantom.truth, strict=True)
