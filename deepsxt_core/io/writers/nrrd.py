"""NRRD with its values inside."""

from pathlib import Path

import numpy as np

from deepsxt_core.io.writers.slabs import stored_type, write_raw
from deepsxt_core.volume import Volume


def write_nrrd(volume: Volume, path: str | Path) -> None:
    """Write an uncompressed NRRD file in nm; types as in `write_ome_zarr`."""
    dtype = stored_type(volume).newbyteorder("<")
    kind = {"float32": "float", "float64": "double"}.get(dtype.name, dtype.name)
    sizes = " ".join(str(n) for n in reversed(volume.shape))
    lines = ["NRRD0004", f"type: {kind}", "dimension: 3"]
    size = volume.voxel_size_nm
    if size is None:
        lines += [f"sizes: {sizes}"]
    else:
        columns = np.diag([float(edge) for edge in reversed(size)]).tolist()
        origin = [float(place) for place in reversed(volume.origin_nm)]
        directions = [f"({','.join(map(repr, column))})" for column in columns]
        lines += ["space dimension: 3", f"sizes: {sizes}"]
        lines += [f"space directions: {' '.join(directions)}", 'space units: "nm" "nm" "nm"']
        lines += [f"space origin: ({','.join(map(repr, origin))})"]
    lines += ["kinds: domain domain domain", "endian: little", "encoding: raw"]
    write_raw(volume, Path(path), ("\n".join(lines) + "\n\n").encode(), dtype)
