"""HDF5 with one dataset."""

import os
from functools import partial
from pathlib import Path
from typing import IO

import h5py

from deepsxt_core.files import written_beside
from deepsxt_core.io.writers.slabs import CHUNK_PX, require_volume, slabs_of, stored_type
from deepsxt_core.volume import Volume


def write_hdf5(volume: Volume, path: str | Path) -> None:
    """Write an HDF5 file with one dataset, ``data``; types as in `write_ome_zarr`.

    Its attributes are ``element_size_um`` (z, y, x), which Fiji and ilastik read, and
    ``origin_um``.
    """
    target, dtype = Path(path), stored_type(volume)
    verify = partial(require_volume, volume.shape)
    with written_beside(target, verify=verify) as beside, beside.open("w+b", buffering=0) as raw:
        patient = _Patient(raw)
        with h5py.File(patient, "w") as file:
            array = file.create_dataset(
                "data",
                volume.shape,
                dtype,
                chunks=(1, *(min(n, CHUNK_PX) for n in volume.shape[1:])),
                compression="gzip",
                compression_opts=1,
            )
            if volume.voxel_size_nm is not None:
                array.attrs["element_size_um"] = [edge / 1000 for edge in volume.voxel_size_nm]
            if any(volume.origin_nm):
                array.attrs["origin_um"] = [place / 1000 for place in volume.origin_nm]
            z0 = 0
            for slab in slabs_of(volume, dtype):
                array[z0 : z0 + len(slab)] = slab
                z0 += len(slab)
                if patient.refused is not None:
                    break
        if patient.refused is not None:
            raise patient.refused


class _Patient:
    """A file that takes all that HDF5 hands over, and keeps to itself what the disk refused.

    HDF5 ends the process when it cannot write what it still holds while it closes a file.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.refused: OSError | None = None

    def write(self, piece: memoryview) -> int:
        rest = memoryview(piece).cast("B")
        try:
            while rest and self.refused is None:
                rest = rest[self._raw.write(rest) :]
        except OSError as error:
            self.refused = error
        return len(piece)

    def read(self, n_bytes: int = -1) -> bytes:
        return self._raw.read(n_bytes)

    def readinto(self, buffer: memoryview) -> int:
        found = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        # What was refused reads as nothing.
        buffer[found:] = bytes(len(buffer) - found)
        return len(buffer)

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(place, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def truncate(self, size: int | None = None) -> int:
        return self._raw.truncate(size)

    def flush(self) -> None:
        self._raw.flush()
