"""Known bodies on a voxel grid, with their exact volume, area, Euler number and centroid."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepsxt_core.volume import Mask, Score, Volume, VoxelSize


@dataclass(frozen=True)
class Body:
    """A solid given by its signed distance (positive inside), lengths in units of the x edge.

    `reach` is the largest distance from the centre to a point of it. A body that is `cut` at
    its centre starts with the first slice, in whose outer face the centre then lies.
    """

    distance: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    volume: float
    area: float
    euler: int
    reach: float
    cut: bool = False
    centroid_zyx: tuple[float, float, float] = (0, 0, 0)


def ball(radius: float) -> Body:
    return Body(
        lambda z, y, x: radius - np.sqrt(z**2 + y**2 + x**2),
        4 / 3 * np.pi * radius**3,
        4 * np.pi * radius**2,
        2,
        radius,
    )


def half_ball(radius: float) -> Body:
    return Body(
        ball(radius).distance,
        2 / 3 * np.pi * radius**3,
        3 * np.pi * radius**2,
        2,
        radius,
        cut=True,
        centroid_zyx=(3 / 8 * radius, 0, 0),
    )


def shell(radius: float, thickness: float) -> Body:
    outer, inner = radius + thickness / 2, radius - thickness / 2
    return Body(
        lambda z, y, x: thickness / 2 - np.abs(np.sqrt(z**2 + y**2 + x**2) - radius),
        4 / 3 * np.pi * (outer**3 - inner**3),
        4 * np.pi * (outer**2 + inner**2),
        4,
        outer,
    )


def ellipsoid(a: float, b: float) -> Body:
    """A prolate one: half axis `a` along x, `b` < `a` along y and z."""
    eccentricity = np.sqrt(1 - (b / a) ** 2)
    area = 2 * np.pi * b**2 * (1 + a / (b * eccentricity) * np.arcsin(eccentricity))

    def distance(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        level = np.sqrt((x / a) ** 2 + (y**2 + z**2) / b**2)
        slope = np.sqrt((x / a**2) ** 2 + (y**2 + z**2) / b**4) / np.maximum(level, 1e-9)
        return (1 - level) / np.maximum(slope, 1e-9)  # first order: exact at the surface

    return Body(distance, 4 / 3 * np.pi * a * b * b, float(area), 2, a)


def torus(ring: float, tube: float) -> Body:
    return Body(
        lambda z, y, x: tube - np.sqrt((np.sqrt(x**2 + y**2) - ring) ** 2 + z**2),
        2 * np.pi**2 * ring * tube**2,
        4 * np.pi**2 * ring * tube,
        0,
        ring + tube,
    )


def tube(radius: float, length: float, direction: tuple[float, float, float]) -> Body:
    """A straight one with round ends, like a filopodium; `length` from end to end."""
    axis = np.array(direction) / np.linalg.norm(direction)
    half = length / 2 - radius

    def distance(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        along = np.clip(z * axis[0] + y * axis[1] + x * axis[2], -half, half)
        to_axis = [each - along * step for each, step in zip((z, y, x), axis, strict=True)]
        return radius - np.sqrt(sum(each**2 for each in to_axis))

    return Body(
        distance,
        np.pi * radius**2 * (2 * half + 4 / 3 * radius),
        2 * np.pi * radius * length,
        2,
        length / 2,
    )


def bent_tube(radius: float, bend: float, angle: float) -> Body:
    """A tube with round ends along an arc of radius `bend` in the plane of x and y.

    Its middle line has the length ``bend * angle``, and it ends `radius` further on either side.
    """
    half = angle / 2
    tips = [(bend * np.sin(side), bend * np.cos(side)) for side in (-half, half)]

    def distance(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        x = x + bend * (1 + np.cos(half)) / 2  # the middle of the arc is the centre
        around = np.hypot(x, y)
        to_arc = np.where(np.abs(np.arctan2(y, x)) <= half, np.hypot(around - bend, z), np.inf)
        for tip_y, tip_x in tips:
            to_arc = np.minimum(to_arc, np.sqrt((x - tip_x) ** 2 + (y - tip_y) ** 2 + z**2))
        return radius - to_arc

    length = bend * angle
    return Body(
        distance,
        np.pi * radius**2 * (length + 4 / 3 * radius),
        2 * np.pi * radius * length + 4 * np.pi * radius**2,
        2,
        float(max(bend * np.sin(min(half, np.pi / 2)), bend * (1 - np.cos(half)))) + radius,
    )


def touching_balls(radius: float) -> Body:
    """Two equal ones side by side along x that share a neck of 0.6 times their radius."""
    half = 0.8 * radius  # from the neck to a centre

    def distance(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return radius - np.sqrt(z**2 + y**2 + (np.abs(x) - half) ** 2)

    cap = radius - half
    return Body(
        distance,
        2 * (4 / 3 * np.pi * radius**3 - np.pi * cap**2 * (radius - cap / 3)),
        2 * (4 * np.pi * radius**2 - 2 * np.pi * radius * cap),
        2,
        radius + half,
    )


def sample(body: Body, edges_zyx: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the signed distance on a grid and the centre of the body in voxels (z, y, x)."""
    shape = [int(2 * body.reach / edge) + 10 for edge in edges_zyx]
    centre = np.array([n / 2 + shift for n, shift in zip(shape, (0.3, -0.2, 0.1), strict=True)])
    if body.cut:
        centre[0] = -0.5
    axes = [(np.arange(n) - c) * edge for n, c, edge in zip(shape, centre, edges_zyx, strict=True)]
    return body.distance(*np.meshgrid(*axes, indexing="ij")), centre


def as_mask(inside: np.ndarray, voxel_size_nm: VoxelSize | None = None) -> Mask:
    return Mask(Volume.from_array(inside.astype(np.uint8), voxel_size_nm))


def as_score(distance: np.ndarray, voxel_size_nm: VoxelSize | None = None) -> Score:
    """What a network would answer: certain inside and outside, soft over a voxel."""
    return Score(Volume.from_array(Score.encode(np.tanh(distance)), voxel_size_nm))
