"""While the network scores a slab, its neighbours are read and kept."""

import threading
from dataclasses import replace

import numpy as np

from deepsxt_core.inference import SegmentParams, prepare, score_here, score_volume
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Volume
from tests.jobs.stand_in_network import StandInPredictor

LONG_S = 60


def test_reading_scoring_and_keeping_overlap():
    values = np.random.default_rng(0).normal(size=(6, 16, 16)).astype(np.float32)
    volume = Volume.from_array(values)
    preparation = prepare(volume, SegmentParams(void=False))
    read, begun = ([threading.Event() for _ in range(4)] for _ in range(2))
    begun[3].set()
    read[3].set()

    def noted_read(z0, z1):
        read[z0 // 2].set()
        return values[z0:z1]

    class Network(StandInPredictor):
        calls = 0

        def score(self, slices, _margins=(0, 0)):
            begun[self.calls].set()
            self.calls += 1
            assert read[self.calls].wait(LONG_S), "The next slab is not read meanwhile."
            return super().score(slices)

    kept = []

    def keep(slab, codes):
        assert begun[slab.first // 2 + 1].wait(LONG_S), "The network rests while a slab is kept."
        kept.append((slab.first, codes))

    watched = replace(volume, reader=noted_read)
    scored = score_here(watched, Network(), preparation)
    score_volume(watched, 2, scored, (0, 6), [keep], NoProgress())
    assert [first for first, _ in kept] == [0, 2, 4]
    alone = score_here(volume, StandInPredictor(), preparation)
    for (_, codes), slab in zip(kept, alone([(0, 2), (2, 4), (4, 6)]), strict=True):
        np.testing.assert_array_equal(codes, slab.codes)
