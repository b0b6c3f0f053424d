"""Which organelle of a phantom is where."""

from dataclasses import replace

import numpy as np

from deepsxt_core.phantom import PRESETS, Label, simulate


def test_organelles_are_known_with_their_membrane_and_what_lies_in_them():
    params = replace(
        PRESETS["b24"],
        shape=(16, 96, 96),
        seed=1,
        tilt_step_deg=10.0,
        surroundings_nm=100.0,
        cell_edge=False,
        nucleus=False,
        vesicles=40.0,
    )
    phantom = simulate(params)
    present = np.unique(phantom.organelle_ids)
    assert len(present) > 3
    numbers = [one.number for one in phantom.organelles]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(present[1:].tolist()) <= set(numbers)
    for one in phantom.organelles:
        inside = phantom.organelle_ids == one.number
        within = phantom.labels[inside & (phantom.labels < Label.PLASMA_MEMBRANE)]
        assert (within == one.label).mean() > 0.5 if len(within) > 50 else True
        assert (phantom.organelle(one.number) >= inside).all()
    filled = np.isin(phantom.labels, [Label.VESICLE, Label.MITOCHONDRION, Label.LIPID_DROPLET])
    assert (phantom.organelle_ids[filled] > 0).mean() > 0.95
