"""Classes: sums that agree with the objects, contacts that geometry knows."""

import numpy as np
import pytest

from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.measure.classes import class_contacts, class_totals
from deepsxt_core.volume import Labels, Tag, Volume, VoxelSize
from deepsxt_core.workflow import pipeline

EDGE = 0.02
PARAMS = ReconstructParams(min_voxels=8, taubin_iterations=0)


def measured(blocks):
    """Measure blocks of voxels, given as id: (class, slices)."""
    values = np.zeros((20, 40, 60), np.uint8)
    for number, (_, place) in blocks.items():
        values[place] = number
    tags = {
        number: Tag(name=f"{name} {number}", class_name=name, colour="#0072b2")
        for number, (name, _) in blocks.items()
    }
    labels = Labels(
        Volume.from_array(values, VoxelSize.isotropic(1000 * EDGE)),
        tags,
        lambda z0, z1: np.zeros((z1 - z0, 40, 60), bool),
    )
    return pipeline.measure(labels, PARAMS)


@pytest.fixture(scope="module")
def cell():
    """A wall, a mitochondrion one voxel from it, another 20 voxels from it, and a droplet."""
    middle = (slice(5, 15), slice(10, 20))
    return measured({
        1: ("membrane", (slice(2, 18), slice(4, 36), slice(4, 8))),
        2: ("mitochondrion", (*middle, slice(9, 19))),
        3: ("mitochondrion", (*middle, slice(28, 38))),
        4: ("droplet", (*middle, slice(50, 56))),
    })  # fmt: skip


def pair(cell, name, other):
    (found,) = (one for one in cell.contacts if (one.name, one.other) == (name, other))
    return found


def test_each_pair_of_classes_is_told_once_each_way(cell):
    pairs = [(one.name, one.other) for one in cell.contacts]
    assert len(pairs) == len(set(pairs)) == 6


def test_gaps_and_contacts_are_those_of_the_blocks(cell):
    near = pair(cell, "mitochondrion", "membrane")
    assert (near.objects, near.touching) == (2, 1)
    # From voxel 7, whose face lies at 7.5, to voxel 9 and 28.
    assert near.smallest_gap == pytest.approx(1 * EDGE, abs=0.6 * EDGE)
    assert near.median_gap == pytest.approx((1 + 20) / 2 * EDGE, abs=0.6 * EDGE)
    # The side that faces the wall, and up to a voxel of the sides around it.
    assert 100 * EDGE**2 * 0.8 < near.contact_area < 144 * EDGE**2


def test_what_is_far_touches_nothing(cell):
    far = pair(cell, "droplet", "membrane")
    assert (far.touching, far.contact_area) == (0, 0)
    assert far.smallest_gap == pytest.approx(42 * EDGE, abs=0.6 * EDGE)
    assert pair(cell, "membrane", "droplet").smallest_gap == pytest.approx(far.smallest_gap)


def test_totals_are_sums_of_the_objects(cell):
    groups = {group.name: group for group in class_totals(cell.objects)}
    assert {name: group.objects for name, group in groups.items()} == {
        "membrane": 1,
        "mitochondrion": 2,
        "droplet": 1,
    }
    for quantity in ("volume", "enclosed_volume", "area"):
        total = sum(getattr(group, quantity) for group in groups.values())
        assert total == pytest.approx(sum(getattr(row, quantity) for row in cell.objects))
    assert groups["mitochondrion"].volume == pytest.approx(2 * 1000 * EDGE**3, rel=0.03)
    assert groups["mitochondrion"].volume_error is None


def test_tables_are_written_and_read(cell, tmp_path):
    import pandas as pd

    names = {path.name for path in cell.write(tmp_path)}
    assert {"classes.csv", "contacts.csv", "classes.parquet", "contacts.parquet"} <= names
    assert pd.read_csv(tmp_path / "classes.csv")["objects"].sum() == 4
    assert len(pd.read_parquet(tmp_path / "contacts.parquet")) == 6


def test_one_class_has_no_contacts():
    found = measured({1: ("vesicle", (slice(4, 12), slice(4, 12), slice(4, 12)))})
    assert class_contacts(found.surfaces) == ()
