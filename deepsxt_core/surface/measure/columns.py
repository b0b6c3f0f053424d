"""The columns of the table of objects: names, units, meanings."""

from dataclasses import dataclass

from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.neighbours import CONTACT_VOXELS

PARTS = {
    "threshold": ("threshold", "The larger change where the best threshold may lie."),
    "network": ("missed and wrong", "What the network missed or marked wrongly on phantoms."),
    "growth": ("growth", "What a body grown from a click or proposed was off on phantoms."),
    "mesh": ("mesh", "What a small body encloses more or less than its voxels."),
    "voxel_size": ("voxel size", "What the voxel size may be off."),
}
"""Of what an error bar consists, with title and meaning."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of the table: its name, its title and power of length, and what it means."""

    name: str
    title: str
    power: int = 0
    help: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it is an error bar of another one, or a part of that."""
        return "_error" in self.name

    def column(self, unit: Unit) -> str:
        """Return the name with its unit, such as ``volume_um3``."""
        length = plain_unit(unit)
        if self.power < 0:
            return f"{self.name}_per_{length}"
        power = str(self.power) if self.power > 1 else ""
        return f"{self.name}_{length}{power}" if self.power else self.name

    def heading(self, unit: Unit) -> str:
        """Return the title with its unit, such as ``Volume (µm³)``."""
        if self.power < 0:
            return f"{self.title} (1/{unit})"
        return f"{self.title} ({unit}{' ²³'[self.power - 1].strip()})" if self.power else self.title


QUANTITIES = (
    Quantity("object", "Object", 0, "1 is the object of most voxels."),
    Quantity("volume", "Volume", 3, "Of the membrane or body itself; a lumen does not count."),
    Quantity(
        "volume_error",
        "± volume",
        3,
        "Holds the truth in 95 % of cases; the root of the sum of the squares of its parts.",
    ),
    Quantity("enclosed_volume", "Enclosed volume", 3, "Within the outer surface, lumen included."),
    Quantity("area", "Area", 2, "Of all its surfaces; a membrane has two sides."),
    Quantity("area_error", "± area", 2, "As of the volume."),
    Quantity("outer_area", "Outer area", 2, "Of the outer surface alone."),
    Quantity("sphericity", "Sphericity", 0, "Of the outer surface: 1 is a ball, less is not."),
    Quantity("equivalent_diameter", "Diameter", 1, "Of a ball of the enclosed volume."),
    Quantity(
        "equivalent_diameter_error", "± diameter", 1, "What its volume leaves open of its surface."
    ),
    Quantity("feret_diameter", "Feret diameter", 1, "Largest distance between two points of it."),
    Quantity("long_axis", "Long axis", 1, "Of the ellipsoid with the same moments of inertia."),
    Quantity("middle_axis", "Middle axis", 1, "Of the ellipsoid with the same moments."),
    Quantity("short_axis", "Short axis", 1, "Of the ellipsoid with the same moments."),
    Quantity("elongation", "Elongation", 0, "Long axis / short axis."),
    Quantity(
        "long_axis_to_z_deg",
        "Long axis to z (°)",
        0,
        "Angle to the beam. Where most objects are long along z, suspect the missing wedge.",
    ),
    Quantity(
        "beam_elongation",
        "Size along / across z",
        0,
        "Along the beam / across it. Objects turned at random have 1 on average; the missing "
        "wedge makes it larger.",
    ),
    Quantity(
        "mean_curvature",
        "Mean curvature",
        -1,
        "Of the outer surface: 1 / radius for a ball, half of that for a tube.",
    ),
    Quantity(
        "mean_thickness",
        "Thickness",
        1,
        "2 × volume / area: that of a membrane; a solid body has no meaningful one.",
    ),
    Quantity(
        "mean_thickness_error", "± thickness", 1, "What its volume leaves open of its two surfaces."
    ),
    Quantity("euler_number", "Euler number", 0, "2 for each closed surface, less 2 per handle."),
    Quantity("mean_score", "Mean score", 0, "Inside, of the score after smoothing."),
    Quantity(
        "mean_grey_value",
        "Mean grey value",
        0,
        "Inside, of the tomogram: the linear absorption coefficient where the file holds that.",
    ),
    Quantity("nearest_object", "Nearest object", 0, "The one with the smallest gap."),
    Quantity("gap", "Gap to it", 1, "Between the two surfaces."),
    Quantity(
        "contact_area",
        "Contact area",
        2,
        f"Of its surface within {CONTACT_VOXELS:g} voxels of another object.",
    ),
    Quantity(
        "nearest_centroid_distance", "Nearest centroid", 1, "From centroid to nearest centroid."
    ),
    Quantity("centroid_x", "x", 1, "Of the centroid."),
    Quantity("centroid_y", "y", 1, "Of the centroid."),
    Quantity("centroid_z", "z", 1, "Of the centroid."),
    Quantity("voxels", "Voxels", 0, "Above the threshold, after smoothing."),
    Quantity("faces", "Triangles", 0, "Of its surfaces."),
    *(
        Quantity(f"{name}_error_{part}", f"± {name}: {title}", power, help)
        for name, power, parts in (("volume", 3, PARTS), ("area", 2, set(PARTS) - {"mesh"}))
        for part, (title, help) in PARTS.items()
        if part in parts
    ),
)
