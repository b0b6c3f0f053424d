"""The canvas of a simulated slice: what it looks like, and how membranes get onto it."""

from dataclasses import dataclass, fields

import numpy as np

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom.fields import correlated_noise, smooth_field
from deepsxt_core.phantom.shapes import Field, Window, window

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceParams:
    """What slices look like. A range (low, high) is drawn from anew for every slice.

    Contrasts are in units of a typical membrane's contrast.

    Attributes
    ----------
    shape : tuple of int
        (y, x) in pixels, at least 32 each.
    membrane_sigma_px : tuple of float
        Half thickness of a membrane in focus (standard deviation of its profile).
    label_px : tuple of float
        Full width of the label drawn over a membrane; people draw 6 to 8 px.
    noise : tuple of float
        Standard deviation of the noise.
    noise_blur_px : tuple of float
        Correlation of the noise, drawn for each axis.
    fading : tuple of float
        How much membranes vary in strength along their course, 0 to 1.
    organelles : tuple of float
        Number of organelles per 10,000 px.
    out_of_focus : tuple of float
        Share of the organelles that are blurred and not labelled.
    visible : float
        Membranes weaker than this many standard deviations of the noise are not labelled,
        since nobody could.
    """

    shape: tuple[int, int] = (256, 256)
    membrane_sigma_px: Range = (1.5, 3.8)
    label_px: Range = (6.5, 8.5)
    noise: Range = (0.15, 0.8)
    noise_blur_px: Range = (0.9, 1.75)
    fading: Range = (0.1, 0.7)
    organelles: Range = (0.2, 2.6)
    out_of_focus: Range = (0.15, 0.6)
    visible: float = 1.3

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 32:
            raise InvalidParameterError(
                f"shape must be (y, x) of at least 32 pixels each: got {self.shape}."
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("shape", "visible") and not 0 <= value[0] <= value[1]:
                raise InvalidParameterError(
                    f"{field.name} must be a range (low, high) with 0 <= low <= high: got {value}."
                )
        for name in ("fading", "out_of_focus"):
            if getattr(self, name)[1] > 1:
                raise InvalidParameterError(
                    f"{name} is a share and cannot exceed 1: got {getattr(self, name)}."
                )


class Scene:
    """The canvas of one slice, and what holds for everything painted on it."""

    def __init__(self, rng: np.random.Generator, params: SliceParams) -> None:
        self.rng = rng
        self.shape = params.shape
        self.params = params
        self.absorption = np.zeros(params.shape, np.float32)
        self.label = np.zeros(params.shape, bool)
        self.taken = np.zeros(params.shape, bool)
        self.noise = rng.uniform(*params.noise)
        self.sigma_px = rng.uniform(*params.membrane_sigma_px)
        self.label_px = rng.uniform(*params.label_px)
        # Zone-plate and tilt range favour some directions of a membrane over others.
        self.favoured = rng.uniform(0, np.pi)
        self.favour = rng.uniform(0, 0.6)
        # Smooth maps, shared by all membranes: how strong and how much in focus they are where.
        fading = rng.uniform(*params.fading)
        self.strength = np.exp(fading * smooth_field(rng, params.shape, rng.uniform(30, 90)))
        self.spread = np.exp(0.25 * smooth_field(rng, params.shape, rng.uniform(30, 90)))
        self.texture = correlated_noise(
            rng, params.shape, (rng.uniform(2, 4),) * 2, slow_share=0.3, slow_px=3
        )

    def wall(
        self,
        view: Window,
        distance: Field,
        contrast: float,
        *,
        blur_px: float = 0.0,
        extent: Field | None = None,
        label_shift_px: float = 0.0,
    ) -> None:
        """Paint a membrane along distance 0 and label it where it can be seen in focus.

        `extent`, 0 to 1, limits an open membrane to its course. A fill that is darker than its
        surroundings makes people draw the outline `label_shift_px` inside it.
        """
        region = view.rows, view.columns
        sigma = np.hypot(self.sigma_px * self.spread[region], np.float32(blur_px))
        gy, gx = np.gradient(distance)
        normal = np.cos(2 * (np.arctan2(gy, gx) - np.float32(self.favoured)))
        strength = contrast * self.strength[region] * (self.sigma_px / sigma)
        strength = strength * (1 - np.float32(self.favour / 2) * (1 - normal))
        if extent is not None:
            strength = strength * extent
        self.absorption[region] += strength * np.exp(-0.5 * (distance / sigma) ** 2)
        if blur_px == 0.0:
            near = np.abs(distance + label_shift_px) <= self.label_px / 2
            self.label[region] |= near & (strength > self.params.visible * self.noise)

    def fill(
        self, view: Window, distance: Field, level: float, texture: float, edge_px: float
    ) -> Field:
        """Add absorption and texture inside an outline; return the inside, 0 to 1."""
        region = view.rows, view.columns
        inside = 0.5 - 0.5 * np.tanh(distance / np.float32(edge_px))
        self.absorption[region] += inside * (level + texture * self.texture[region])
        return inside

    def label_edge(self, view: Window, distance: Field, shift_px: float) -> None:
        """Label an outline that is seen by its step in absorption, membrane or not."""
        near = np.abs(distance + shift_px) <= self.label_px / 2
        self.label[view.rows, view.columns] |= near

    def random_place(self, margin: float = 0.0) -> tuple[float, float]:
        """Return any place (y, x) that keeps a margin, as a share of the canvas, to its edges."""
        y, x = (self.rng.uniform(margin, 1 - margin) * n for n in self.shape)
        return y, x

    def free_place(self, reach_px: float) -> tuple[float, float] | None:
        """Return a place whose surroundings are mostly free, or None after some tries."""
        for _ in range(8):
            place = self.random_place(margin=-0.05)
            view = window(self.shape, place, 0.8 * reach_px)
            if self.taken[view.rows, view.columns].mean() < 0.08:
                return place
        return None


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from a range whose ends lie orders of magnitude apart."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
