"""The published recipe from a mask to a mesh file: ``python -m benchmarks.suite.recipe IN OUT``."""

import sys

import tifffile

from benchmarks.surfaces import Laps, published

if __name__ == "__main__":
    published(tifffile.imread(sys.argv[1]), Laps(), sys.argv[2])
