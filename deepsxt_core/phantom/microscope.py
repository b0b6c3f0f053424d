"""From absorption to a tilt series: projection, zone plate, photons, detector.

Each tilt of the specimen about y is a sparse matrix from its (z, x) plane to the detector's
columns, the same for every y. The specimen goes on beyond the field of view as its mirror image,
as cells do.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, sparse

from deepsxt_core.phantom.fields import correlated_noise, smooth_field
from deepsxt_core.phantom.materials import LAC_CYTOSOL
from deepsxt_core.phantom.params import PhantomParams
from deepsxt_core.phantom.shapes import Field
from deepsxt_core.progress import NoProgress, Progress

# The detector is computed wider than the field of view, then cropped: jitter shifts it.
BORDER_PX = 8
_BLUR_STEP = 1.3


def tilt_series(
    lac: Field,
    params: PhantomParams,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> Field:
    """Measure a specimen at all tilts, as a microscope would.

    Parameters
    ----------
    lac : ndarray
        float32 (z, y, x): linear absorption coefficient in µm⁻¹.
    params : PhantomParams
        The microscope and its errors.
    rng : numpy.random.Generator
        Draws photons and errors.
    progress : Progress, optional
        Advances by projections.

    Returns
    -------
    ndarray
        float32 (tilt, x, y): -log of transmission, flat-field corrected and aligned, as far as
        the errors let it be.
    """
    progress = progress or NoProgress()
    tilts = params.tilts_deg
    progress.stage("Projecting", len(tilts), "tilt")
    measure = _Detector(params, rng, (lac.shape[2], lac.shape[1]))
    beyond_um = LAC_CYTOSOL * max(
        params.thickness_um - lac.shape[0] * params.voxel_size_nm / 1000, 0.0
    )
    series = np.empty((len(tilts), lac.shape[2], lac.shape[1]), np.float32)
    for number, tilt in enumerate(tilts):
        series[number] = measure(project(lac, tilt, params) + beyond_um / np.cos(np.radians(tilt)))
        progress.advance()
    return series


def project(lac: Field, tilt_deg: float, params: PhantomParams) -> Field:
    """Return the absorption (x, y) along the beam at one tilt, with a border, out of focus too.

    What lies out of the focal plane is blurred before it is summed: a Gaussian with the variance
    of the zone plate's Airy disc in focus, and of its cone of light out of focus. The exact
    transform is not linear in the absorption; see Otón et al. (2017), Sci. Rep. 7, 45808.
    """
    depth, height, width = lac.shape
    detector = width + 2 * BORDER_PX
    # Frequencies of the cosine transform, which mirrors at the edges.
    ky = np.arange(height, dtype=np.float32) / (2 * height)
    kx = np.arange(detector, dtype=np.float32)[:, None] / (2 * detector)
    squared = np.float32(2 * np.pi**2) * (kx**2 + ky**2)
    plane = lac.transpose(0, 2, 1).reshape(depth * width, height)
    spectrum = np.zeros((detector, height), np.float32)
    for sigma_px, matrix in _layers((depth, width), tilt_deg, params):
        layer = matrix @ plane
        spectrum += fft.dctn(layer, norm="ortho") * np.exp(-squared * np.float32(sigma_px**2))
    return fft.idctn(spectrum, norm="ortho")


def _layers(
    shape: tuple[int, int], tilt_deg: float, params: PhantomParams
) -> Iterator[tuple[float, sparse.csr_array]]:
    """Yield the projection of a (z, x) plane in layers that are equally far out of focus.

    Each comes as (standard deviation of its blur in pixels, matrix (detector, z x) in µm).
    """
    depth, width = shape
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    reach = int(np.ceil((width / 2 + BORDER_PX + depth / 2 * abs(s)) / c)) + 2
    z = np.arange(depth, dtype=np.float32)[:, None] - (depth - 1) / 2
    x = np.arange(-reach, reach + 1, dtype=np.float32)[None, :] + (width - 1) % 2 / 2
    column = x * c + z * s + (width - 1) / 2 + BORDER_PX
    sigma = blur_px(np.abs(z * c - x * s) * params.voxel_size_nm, params)
    layer = np.rint(np.log(sigma / blur_px(0.0, params)) / np.log(_BLUR_STEP)).astype(int)
    source = _mirrored(np.rint(x + (width - 1) / 2).astype(int), width)
    source = np.broadcast_to(source, column.shape) + width * np.arange(depth)[:, None]
    left = np.floor(column).astype(int)
    right_share = (column - left).astype(np.float32)
    detector = width + 2 * BORDER_PX
    rows = np.stack([left, left + 1])
    weights = np.stack([1 - right_share, right_share]) * np.float32(params.voxel_size_nm / 1000)
    on_detector = (rows >= 0) & (rows < detector)
    for number in np.unique(layer[on_detector.any(axis=0)]):
        chosen = on_detector & (layer == number)
        columns = np.broadcast_to(source, rows.shape)[chosen]
        matrix = sparse.coo_array(
            (weights[chosen], (rows[chosen], columns)), shape=(detector, depth * width)
        )
        yield float(blur_px(0.0, params) * _BLUR_STEP**number), matrix.tocsr()


def _mirrored(index: NDArray[np.int_], size: int) -> NDArray[np.int_]:
    """Fold indices beyond 0 ... size - 1 back, as in a hall of mirrors."""
    folded = index % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def blur_px(defocus_nm: float | NDArray, params: PhantomParams) -> NDArray:
    """Return the standard deviation of the zone plate's blur in pixels, so far out of focus.

    The Airy disc has a full width at half maximum of 1.03 λ / 2NA; a cone of light has the
    variance of a disc of radius NA × defocus, a quarter of its square.
    """
    in_focus = 1.03 * params.wavelength_nm / (2 * params.numerical_aperture) / 2.355
    disc = params.numerical_aperture * np.asarray(defocus_nm) / 2
    return np.hypot(in_focus, disc) / params.voxel_size_nm


class _Detector:
    """Counts photons, with the errors that stay and those that change between projections."""

    def __init__(
        self, params: PhantomParams, rng: np.random.Generator, shape: tuple[int, int]
    ) -> None:
        self.params = params
        self.rng = rng
        self.shape = (shape[0] + 2 * BORDER_PX, shape[1])
        # Dust and grain of the scintillator, not quite divided out, always at the same pixels.
        self.pattern = 1 + params.flat_field_error * correlated_noise(
            rng, self.shape, (0.8, 0.8), slow_share=0.3, slow_px=8
        )

    def __call__(self, absorption: Field) -> Field:
        """Return -log of the measured transmission (x, y), without the border."""
        params, rng = self.params, self.rng
        drift = smooth_field(rng, self.shape, 0.7 * max(self.shape))
        runout = np.rint(params.runout_px * rng.standard_normal(2)).astype(int)
        pattern = np.roll(self.pattern, runout, axis=(0, 1))
        light = (1 + params.illumination_error * drift) * pattern
        photons = rng.poisson(np.maximum(light, 0.1) * params.photons * np.exp(-absorption))
        counted = ndimage.gaussian_filter(photons.astype(np.float32), params.detector_blur_px)
        measured = -np.log(np.maximum(counted, 1.0) / np.float32(params.photons))
        shift = params.alignment_error_px * rng.standard_normal(2)
        shift = np.clip(shift, -BORDER_PX + 1, BORDER_PX - 1)
        aligned = ndimage.shift(measured, shift, order=1, mode="nearest")
        return aligned[BORDER_PX:-BORDER_PX]
