"""Closed bodies in a scored tomogram: which voxels lie around a click, and what there is at all."""
