"""What is simulated: the cell, the microscope, and the errors of a measurement."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.parameters import Limits, checked

_HC_EV_NM = 1239.84
_SHAPE = "(z, y, x) of at least (8, 64, 64) voxels"
_RANGE = "a range (low, high) with 0 <= low <= high"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomParams:
    """A tomogram to simulate. Numbers of organelles are per µm³ of cell.

    Attributes
    ----------
    shape : tuple of int
        (z, y, x) in voxels, at least (8, 64, 64). The specimen is tilted about y; the beam
        runs along z at tilt 0.
    voxel_size_nm : float
        Edge of a voxel, and of a detector pixel in the specimen.
    seed : int
        Same parameters and seed, same phantom.
    surroundings_nm : float
        How much specimen lies above and below the tomogram: it is seen by the microscope and
        smeared into the tomogram by the missing wedge.
    cell_edge : bool or None
        Whether the plasma membrane crosses the field of view; left out, chance decides.
    nucleus : bool or None
        Whether there is a nucleus; left out, chance decides.
    filopodia : tuple of int
        Range (low, high) of their number, where the cell's edge is in view.
    mitochondria, vesicles, droplets, reticulum_tubes, reticulum_sheets : float
        Mean number per µm³ of cell. Cells differ: the number follows a gamma distribution of
        shape 2, and then chance.
    gold_beads : float
        Mean number of fiducials per µm³ of specimen.
    gold_nm : float
        Diameter of the fiducials.
    tilt_range_deg : float
        Highest tilt of the projections, to both sides.
    tilt_step_deg : float
        From one projection to the next.
    energy_ev : float
        Photon energy.
    zone_width_nm : float
        Outermost zone of the objective: gives the resolution and the depth of field.
    photons : float
        Mean number per detector pixel, tilt, and open beam.
    detector_blur_px : float
        Standard deviation of the detector's point spread, which blurs signal and shot noise.
    thickness_um : float
        Of ice and cell along the beam at tilt 0: what exceeds the simulated part is without
        detail, but takes photons away, the more the higher the tilt.
    flat_field_error : float
        Relative error of the flat field: a pattern that stays with the detector.
    illumination_error : float
        Relative change of the illumination between flat field and projection.
    runout_px : float
        Standard deviation of the wandering of the specimen over the detector between tilts. The
        alignment takes it out, but what stays with the detector wanders the other way.
    alignment_error_px : float
        Standard deviation of what is left of the shifts between projections after alignment.
    cutoff : float
        Where the low-pass filter of the reconstruction has fallen to zero, in cycles per pixel.
    label_px : float
        Full width of the label over a membrane; people draw 6 to 8 px.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range.
    """

    shape: Annotated[tuple[int, int, int], Limits(least=8, unit="voxels", form=_SHAPE)] = (
        64,
        384,
        384,
    )
    voxel_size_nm: Annotated[float, Limits(above=0, unit="nm")] = 13.0
    seed: Annotated[int, Limits(least=0)] = 0
    surroundings_nm: Annotated[float, Limits(least=0, unit="nm")] = 400.0
    cell_edge: bool | None = None
    nucleus: bool | None = None
    filopodia: Annotated[tuple[int, int], Limits(least=0, form=_RANGE)] = (1, 4)
    mitochondria: Annotated[float, Limits(least=0, unit="per µm³")] = 0.6
    vesicles: Annotated[float, Limits(least=0, unit="per µm³")] = 5.0
    droplets: Annotated[float, Limits(least=0, unit="per µm³")] = 0.2
    reticulum_tubes: Annotated[float, Limits(least=0, unit="per µm³")] = 1.0
    reticulum_sheets: Annotated[float, Limits(least=0, unit="per µm³")] = 0.25
    gold_beads: Annotated[float, Limits(least=0, unit="per µm³")] = 0.04
    gold_nm: Annotated[float, Limits(least=0, unit="nm")] = 150.0
    tilt_range_deg: Annotated[float, Limits(above=0, below=85, unit="degrees")] = 65.0
    tilt_step_deg: Annotated[float, Limits(above=0, unit="degrees")] = 1.0
    energy_ev: Annotated[float, Limits(above=0, unit="eV")] = 520.0
    zone_width_nm: Annotated[float, Limits(above=0, unit="nm")] = 25.0
    photons: Annotated[float, Limits(above=0, unit="photons")] = 500.0
    thickness_um: Annotated[float, Limits(least=0, unit="µm")] = 5.0
    detector_blur_px: Annotated[float, Limits(least=0, unit="px")] = 1.0
    flat_field_error: Annotated[float, Limits(least=0)] = 0.01
    illumination_error: Annotated[float, Limits(least=0)] = 0.02
    runout_px: Annotated[float, Limits(least=0, unit="px")] = 10.0
    alignment_error_px: Annotated[float, Limits(least=0, unit="px")] = 0.5
    cutoff: Annotated[float, Limits(above=0, most=0.5, unit="cycles per pixel")] = 0.28
    label_px: Annotated[float, Limits(least=0, unit="px")] = 7.0

    def __post_init__(self) -> None:
        checked(self)
        if min(self.shape[1:]) < 64:
            raise InvalidParameterError(f"shape must be {_SHAPE}: got {self.shape}.")
        if self.filopodia[0] > self.filopodia[1]:
            raise InvalidParameterError(f"filopodia must be {_RANGE}: got {self.filopodia}.")

    @property
    def tilts_deg(self) -> NDArray[np.float64]:
        """Return the tilts, from negative to positive, symmetric about 0."""
        steps = int(self.tilt_range_deg / self.tilt_step_deg)
        return np.arange(-steps, steps + 1, dtype=np.float64) * self.tilt_step_deg

    @property
    def wavelength_nm(self) -> float:
        """Return the wavelength of the X-rays."""
        return _HC_EV_NM / self.energy_ev

    @property
    def numerical_aperture(self) -> float:
        """Return the zone plate's aperture, λ / 2Δr (Attwood, Soft X-Rays, ch. 9)."""
        return self.wavelength_nm / (2 * self.zone_width_nm)

    @property
    def depth_of_field_nm(self) -> float:
        """Return the full depth of field, ± 2Δr²/λ (Attwood, Soft X-Rays, ch. 9)."""
        return 4 * self.zone_width_nm**2 / self.wavelength_nm


# From a source: MISTRAL at ALBA, Otón et al. (2017), Sci. Rep. 7, 45808 (40 nm zone plate, 13 nm
# pixels, -70 to 68 degrees by 1); B24 at Diamond has a 40 nm zone plate beside one of 25 nm, Nahas
# et al. (2022), PLoS Pathog. 18, e1010629, fig. 1, and gold of 150 nm, Kounatidis et al. (2020),
# Cell 182, 515, video S1. All else is assumed, those of U41 at HZB included: docs/phantom.md.
PRESETS: dict[str, PhantomParams] = {
    "hzb": PhantomParams(
        voxel_size_nm=9.8,
        energy_ev=510.0,
        zone_width_nm=25.0,
        tilt_range_deg=60.0,
        photons=300.0,
        thickness_um=6.0,
        alignment_error_px=1.2,
        cutoff=0.26,
    ),
    "mistral": PhantomParams(
        voxel_size_nm=13.0,
        energy_ev=520.0,
        zone_width_nm=40.0,
        tilt_range_deg=68.0,
        gold_nm=100.0,
    ),
    "b24": PhantomParams(
        voxel_size_nm=16.0,
        energy_ev=500.0,
        zone_width_nm=40.0,
        tilt_range_deg=60.0,
        tilt_step_deg=0.5,
        gold_nm=150.0,
    ),
}
