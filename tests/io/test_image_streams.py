"""A TIFF page whose stream is larger than its tags say is refused before it is unpacked."""

import struct
import subprocess
import sys

import imagecodecs
import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io import open_volume
from deepsxt_core.io.readers.image_streams import StreamSize, stream_size

MOST_MB = 300
PROMISED_PX = 64
UNBOUNDED = ("jpegxr", "jpegxl")
MEASURED = ("jpeg", "jpeg2000", "png", "lerc")
# What `tifffile` writes, and a stack of grey values could be stored as.
CODES = {
    "lzw": 5,
    "zlib": 8,
    "packbits": 32773,
    "lzma": 34925,
    "zstd": 50000,
    "jpeg": 7,
    "jpeg2000": 34712,
    "png": 34933,
    "lerc": 34887,
    "jpegxr": 22610,
    "jpegxl": 50002,
}


def stream(codec: str, image) -> bytes:
    return bytes(tifffile.TIFF.COMPRESSORS[CODES[codec]](image))


def tiff(path, code: int, *streams: bytes, px: int = PROMISED_PX):
    """Write pages of `px` by `px` bytes, one strip each, whatever is in the streams."""
    content, links = bytearray(b"II*\0\0\0\0\0"), [4]
    for data in streams:
        start = len(content)
        content += data + bytes(len(data) % 2)
        tags = [(256, px), (257, px), (258, 8), (259, code), (262, 1), (273, start), (277, 1)]
        tags += [(278, px), (279, len(data))]
        struct.pack_into("<I", content, links[-1], len(content))
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        links.append(len(content))
        content += bytes(4)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("codec", [c for c in CODES if c not in UNBOUNDED])
def test_a_stream_of_the_promised_size_is_read(tmp_path, codec):
    image = np.tile(np.arange(PROMISED_PX, dtype="u1"), (PROMISED_PX, 1))
    path = tiff(tmp_path / "a.tif", CODES[codec], *[stream(codec, image)] * 3)
    read = open_volume(path).read(0, 3)
    assert read.shape == (3, PROMISED_PX, PROMISED_PX)
    assert np.abs(read.astype(int) - image).max() <= (3 if codec == "jpeg" else 0)


LOOK = """
import sys
from pathlib import Path
from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io import open_volume
try:
    open_volume(sys.argv[1]).read(4, 5)
except UnreadableFileError as error:
    print(error)
else:
    print("read")
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of the memory is told on Linux alone")
@pytest.mark.parametrize("codec", MEASURED)
def test_a_stream_larger_than_its_tags_costs_nothing(tmp_path, codec):
    """The fifth of nine slices: a first look at three slices does not see it."""
    good = stream(codec, np.zeros((PROMISED_PX, PROMISED_PX), "u1"))
    bad = stream(codec, np.zeros((20_000, 20_000), "u1"))
    path = tiff(tmp_path / "a.tif", CODES[codec], *[good] * 4, bad, *[good] * 4)
    command = [sys.executable, "-c", LOOK, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    told, peak_kb = ended.stdout.splitlines()
    assert "20000 x 20000 pixels" in told
    assert int(peak_kb) < MOST_MB * 1000


def test_jpeg_2000_with_very_many_tiles_is_refused():
    """Each tile costs some kB, however small it is."""
    data = bytearray(imagecodecs.jpeg2k_encode(np.zeros((100, 100), "u1"), codecformat="j2k"))
    assert stream_size(CODES["jpeg2000"], bytes(data)) == StreamSize(100, 100, 1, 8)
    struct.pack_into(">II", data, 24, 1, 1)
    assert stream_size(CODES["jpeg2000"], bytes(data)) is None


@pytest.mark.parametrize("codec", MEASURED)
def test_a_stream_cut_short_tells_no_size(codec):
    data = stream(codec, np.zeros((PROMISED_PX, PROMISED_PX), "u1"))
    for n in range(12):
        assert stream_size(CODES[codec], data[:n]) is None


@pytest.mark.parametrize("codec", MEASURED)
def test_more_bits_or_samples_than_promised_are_refused(tmp_path, codec):
    image = np.zeros((PROMISED_PX, PROMISED_PX, 3), "u1")
    data = stream(codec, image)
    with pytest.raises(UnreadableFileError, match="promise"):
        open_volume(tiff(tmp_path / "a.tif", CODES[codec], data)).read(0, 1)


@pytest.mark.parametrize("codec", UNBOUNDED)
def test_codecs_that_cannot_be_bounded_are_named(tmp_path, codec):
    data = stream(codec, np.zeros((PROMISED_PX, PROMISED_PX), "u1"))
    with pytest.raises(UnreadableFileError, match=r"JPEGX[RL].* is not opened. Save it with LZW"):
        open_volume(tiff(tmp_path / "a.tif", CODES[codec], data)).read(0, 1)


def test_a_later_page_with_larger_tags_is_refused(tmp_path):
    """Series of OME and ImageJ take the shape of their first page for all."""
    stack = np.zeros((3, 64, 64), "u1")
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, ome=True, compression="zlib", metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        offsets = [tif.pages[1].aspage().tags[code].valueoffset for code in (256, 257, 278)]
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(struct.pack("<H", 60_000))
    volume = open_volume(path)
    volume.read(0, 1)
    with pytest.raises(UnreadableFileError, match="Page 2"):
        volume.read(1, 2)


def test_tiles_far_beyond_the_picture_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), "u1"), tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offsets = [tif.pages[0].tags[code].valueoffset for code in (322, 323)]
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(struct.pack("<H", 60_000))
    with pytest.raises(UnreadableFileError):
        open_volume(path).read(0, 1)
