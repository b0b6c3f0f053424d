"""What is simulated: the cell, the microscope, and the errors of a measurement."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError

_HC_EV_NM = 1239.84


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
        Whether the plasma membrane crosses the field of view; None leaves it to chance.
    nucleus : bool or None
        Likewise, for the nucleus.
    filopodia : tuple of int
        Range (low, high) of their number, where the cell's edge is in view.
    mitochondria, vesicles, droplets, reticulum_tubes, reticulum_sheets : float
        Mean number per µm³ of cell. Cells differ: the number follows a gamma distribution of
        shape 2, and then chance.
    gold_beads : float
        Mean number of fiducials per µm³ of specimen.
    gold_nm : float
        Their diameter.
    tilt_range_deg, tilt_step_deg : float
        Projections at tilts from -range to +range.
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
    """

    shape: tuple[int, int, int] = (64, 384, 384)
    voxel_size_nm: float = 13.0
    seed: int = 0
    surroundings_nm: float = 400.0
    cell_edge: bool | None = None
    nucleus: bool | None = None
    filopodia: tuple[int, int] = (1, 4)
    mitochondria: float = 0.6
    vesicles: float = 5.0
    droplets: float = 0.2
    reticulum_tubes: float = 1.0
    reticulum_sheets: float = 0.25
    gold_beads: float = 0.04
    gold_nm: float = 150.0
    tilt_range_deg: float = 65.0
    tilt_step_deg: float = 1.0
    energy_ev: float = 520.0
    zone_width_nm: float = 25.0
    photons: float = 500.0
    thickness_um: float = 5.0
    detector_blur_px: float = 1.0
    flat_field_error: float = 0.01
    illumination_error: float = 0.02
    runout_px: float = 10.0
    alignment_error_px: float = 0.5
    cutoff: float = 0.28
    label_px: float = 7.0

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or self.shape[0] < 8 or min(self.shape[1:]) < 64:
            raise InvalidParameterError(
                f"shape must be (z, y, x) of at least (8, 64, 64) voxels: got {self.shape}."
            )
        positive = ("voxel_size_nm", "tilt_step_deg", "energy_ev", "zone_width_nm", "photons")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is not float:
                continue
            if not np.isfinite(value) or value < 0 or (field.name in positive and value == 0):
                raise InvalidParameterError(
                    f"{field.name} must be a finite number "
                    f"{'above' if field.name in positive else 'of at least'} 0: got {value}."
                )
        if not 0 < self.tilt_range_deg < 85:
            raise InvalidParameterError(
                f"tilt_range_deg must be above 0 and below 85: got {self.tilt_range_deg}."
            )
        if not 0 < self.cutoff <= 0.5:
            raise InvalidParameterError(
                f"cutoff must be above 0 and at most 0.5 cycles per pixel: got {self.cutoff}."
            )
        if not 0 <= self.filopodia[0] <= self.filopodia[1]:
            raise InvalidParameterError(
                f"filopodia must be a range (low, high) with 0 <= low <= high: "
                f"got {self.filopodia}."
            )

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
