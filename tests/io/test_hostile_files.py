"""Files made to harm: each is refused, quickly, with little memory, and touches nothing else."""

import bz2
import gzip
import io
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import h5py
import mrcfile
import nibabel
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from more_files import amira_file, em_file, zeiss_file
from stack_files import WRITERS, make_stack, ome_zarr_folder, tiff_slices
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    ZstdCodec,
)

from deepsxt_core.errors import DeepSXTError, UnreadableFileError, VolumeError
from deepsxt_core.io import list_datasets, open_volume
from deepsxt_core.io.readers import chunks, unpacked

MOST_BYTES = 300 << 20


@pytest.fixture(autouse=True)
def _little_memory():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def attempt(path):
    for look in (list_datasets, lambda p: open_volume(p).read(0, 1)):
        with pytest.raises(DeepSXTError) as caught:
            look(path)
        assert str(caught.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickles_are_never_loaded(tmp_path, suffix):
    mark, path = tmp_path / "mark", tmp_path / f"a{suffix}"
    objects = np.array([Trap(mark)] * 3, dtype=object)
    (np.save if suffix == ".npy" else np.savez)(path, objects, allow_pickle=True)
    with pytest.raises(VolumeError, match="pickled"):
        open_volume(path)
    assert not mark.exists()


def test_a_bare_pickle_is_of_an_unknown_format(tmp_path):
    (tmp_path / "a.npy").write_bytes(pickle.dumps(Trap(tmp_path / "mark")))
    attempt(tmp_path / "a.npy")
    assert not (tmp_path / "mark").exists()


def replaced(content: bytes, at: int, form: str, *values) -> bytes:
    part = struct.pack(form, *values)
    return content[:at] + part + content[at + len(part) :]


def written(kind: str, tmp_path: Path, dtype="float32") -> bytes:
    WRITERS[kind][0](tmp_path / "made", make_stack(dtype, (4, 8, 8)))
    content = (tmp_path / "made").read_bytes()
    (tmp_path / "made").unlink()
    return content


def huge_npy() -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (100_000, 9000, 9000)}
    )
    return head.getvalue() + bytes(1000)


def taller(content: bytes, tmp_path: Path) -> bytes:
    """Return a TIFF file whose every page claims 65,000 rows and as many columns."""
    (tmp_path / "tall").write_bytes(content)
    with tifffile.TiffFile(tmp_path / "tall") as tif:
        tags = [page.tags[code] for page in tif.pages for code in (256, 257)]
        for tag in tags:
            content = replaced(content, tag.valueoffset, "<I" if tag.dtype == 4 else "<H", 65_000)
    return content


BEYOND_THE_FILE = {
    "mrc": lambda t: replaced(written("mrc", t), 0, "<3i", 4000, 4000, 100_000),
    "nifti": lambda t: replaced(written("nifti-1", t), 40, "<4h", 3, 9000, 9000, 32000),
    "npy": lambda t: huge_npy(),  # noqa: ARG005
    "nrrd": lambda t: written("nrrd", t).replace(b"sizes: 8 8 4", b"sizes: 9000 9000 100000"),
    "nrrd-gzip": lambda t: written("nrrd-gzip", t).replace(
        b"sizes: 8 8 4", b"sizes: 9000 9000 100000"
    ),
    "amira": lambda t: amira_file(make_stack()).replace(  # noqa: ARG005
        b"Lattice 23 37 6", b"Lattice 9000 9000 100000"
    ),
    "amira-zip": lambda t: amira_file(make_stack(), how="zip").replace(  # noqa: ARG005
        b"Lattice 23 37 6", b"Lattice 9000 9000 100000"
    ),
    "em": lambda t: replaced(em_file(make_stack("float32")), 4, "<3i", 9000, 9000, 10**5),  # noqa: ARG005
    "zeiss": lambda t: zeiss_file(make_stack(), 0.013).replace(  # noqa: ARG005
        struct.pack("<i", 37) + bytes(100), struct.pack("<i", 100_000) + bytes(100)
    ),
    "tiff": lambda t: taller(written("plain-pages-apart", t), t),
    "tiff-zstd": lambda t: taller(written("zstd", t), t),
}


@pytest.mark.parametrize("kind", BEYOND_THE_FILE)
def test_dimensions_beyond_the_file(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(BEYOND_THE_FILE[kind](tmp_path))
    with pytest.raises(DeepSXTError):
        open_volume(path).read(0, 1)


def zeros_of(n_bytes: int, decompressor) -> bytes:
    return b"".join(decompressor.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20)) + (
        decompressor.flush()
    )


@pytest.mark.parametrize("how", ["gzip", "bzip2"])
def test_whole_files_that_grow_without_end(tmp_path, how, monkeypatch):
    monkeypatch.setattr(unpacked, "_MOST_BYTES_ANYHOW", 16 << 20)
    head = written("mrc", tmp_path)[:1024]
    head = replaced(head, 0, "<3i", 4000, 4000, 100_000)
    zip_ = zlib.compressobj(wbits=31) if how == "gzip" else bz2.BZ2Compressor()
    (tmp_path / "a.gz").write_bytes(zip_.compress(head) + zeros_of(64 << 20, zip_))
    assert (tmp_path / "a.gz").stat().st_size < 1 << 17
    with pytest.raises(UnreadableFileError, match="would grow"):
        open_volume(tmp_path / "a.gz")


def test_sections_that_claim_to_grow_without_end(tmp_path):
    bomb = gzip.compress(bytes(1 << 20))
    for kind in ("nrrd", "npz", "amira"):
        path = tmp_path / kind
        if kind == "nrrd":
            head = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9000 9000 99999\nencoding: gzip\n\n"
            path.write_bytes(head.encode() + bomb)
        elif kind == "npz":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("a.npy", huge_npy() + bytes(1 << 20))
        else:
            mesh = amira_file(np.zeros((4, 8, 8), "uint8"), how="zip")
            path.write_bytes(mesh.replace(b"Lattice 8 8 4", b"Lattice 9000 9000 99999"))
        with pytest.raises(DeepSXTError):
            open_volume(path)


@pytest.mark.parametrize("name", ["../../evil/zarr.json", "/etc/zarr.json", "C:\\zarr.json"])
def test_zip_members_never_leave_the_archive(tmp_path, name):
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    WRITERS["ome-zarr-zip"][0](path, make_stack())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "{}")
    with pytest.raises(UnreadableFileError, match="leads out"):
        open_volume(path)
    assert {found.name for found in tmp_path.rglob("*")} == {"in", "a.zip"}


def test_npz_members_are_never_written_under_their_names(tmp_path):
    path = tmp_path / "in" / "a.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        content = io.BytesIO()
        np.save(content, make_stack())
        archive.writestr("../evil.npy", content.getvalue())
    open_volume(path).read(0, 1)
    assert {found.name for found in tmp_path.rglob("*")} == {"in", "a.npz"}


def test_zarr_levels_never_leave_the_image(tmp_path):
    ome_zarr_folder(tmp_path / "secret", make_stack())
    ome_zarr_folder(tmp_path / "a", make_stack())
    group = zarr.open_group(tmp_path / "a", mode="a")
    (image,) = group.attrs["ome"]["multiscales"]
    image["datasets"][0]["path"] = "../secret/0"
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    attempt(tmp_path / "a")


def test_links_in_folders_never_lead_out(tmp_path):
    ome_zarr_folder(tmp_path / "secret", make_stack())
    ome_zarr_folder(tmp_path / "a", make_stack())
    (tmp_path / "a" / "1").symlink_to(tmp_path / "secret" / "0", target_is_directory=True)
    with pytest.raises(UnreadableFileError, match="leads out"):
        open_volume(tmp_path / "a")
    tiff_slices(tmp_path / "slices", make_stack())
    tifffile.imwrite(tmp_path / "secret.tif", make_stack()[0])
    (tmp_path / "slices" / "slice_99.tif").symlink_to(tmp_path / "secret.tif")
    with pytest.raises(UnreadableFileError, match="leads out"):
        open_volume(tmp_path / "slices")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarr_chunks_that_cannot_be_held(tmp_path, version):
    ome_zarr_folder(tmp_path / "a", make_stack(), version=version, chunks=(6, 37, 23))
    name = ".zarray" if version == "0.4" else "zarr.json"
    described = tmp_path / "a" / "0" / name
    text = "".join(described.read_text().split())
    described.write_text(text.replace("[6,37,23]", "[60000,37000,23000]"))
    with pytest.raises(UnreadableFileError):
        open_volume(tmp_path / "a").read(0, 1)


def test_zarr_codecs_that_run_code_are_refused(tmp_path):
    ome_zarr_folder(tmp_path / "a", make_stack(), version="0.4")
    described = tmp_path / "a" / "0" / ".zarray"
    text = described.read_text()
    start = text.index('"compressor"')
    end = text.index("}", start) + 1
    described.write_text(text[:start] + '"compressor": {"id": "pickle"}' + text[end:])
    attempt(tmp_path / "a")


def test_hdf5_chunks_that_cannot_be_held(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file.create_dataset(
            "a", (40_000, 2000, 2000), "f4", chunks=(400, 1000, 1000), compression="gzip"
        )
    with pytest.raises(UnreadableFileError, match="chunks"):
        open_volume(tmp_path / "a")


@pytest.mark.parametrize("codec", ["zstd", "gzip", "blosc"])
def test_zarr_chunks_that_grow_without_end(tmp_path, codec, monkeypatch):
    monkeypatch.setattr(chunks, "_HARMLESS_BYTES", 1 << 20)
    codecs = {"zstd": ZstdCodec(), "gzip": GzipCodec(), "blosc": BloscCodec(cname="lz4")}
    ome_zarr_folder(tmp_path / "a", make_stack(), compressors=codecs[codec], chunks=(6, 37, 23))
    ome_zarr_folder(
        tmp_path / "b",
        np.ones((1, 2000, 8000), "u1"),
        compressors=codecs[codec],
        chunks=(1, 2000, 8000),
    )
    bomb = next(path for path in (tmp_path / "b" / "0" / "c").rglob("*") if path.is_file())
    (tmp_path / "a" / "0" / "c" / "0" / "0" / "0").write_bytes(bomb.read_bytes())
    with pytest.raises(UnreadableFileError, match="would grow"):
        open_volume(tmp_path / "a").read(0, 1)


ZEROS = bytes(8 << 20)


def growing(codec: str) -> bytes:
    """Return 8 MB of zeros behind a small first part, as the library would unpack them."""
    first = make_stack("uint8").tobytes()
    packed = {
        "zstd": numcodecs.Zstd,
        "gzip": numcodecs.GZip,
        "bz2": numcodecs.BZ2,
        "lzma": numcodecs.LZMA,
        "lz4": numcodecs.LZ4,
    }[codec]()
    if codec == "lz4":
        return packed.encode(ZEROS)
    return packed.encode(first) + packed.encode(ZEROS)


@pytest.mark.parametrize("codec", ["zstd", "gzip", "bz2", "lzma", "lz4"])
def test_zarr_chunks_that_grow_in_their_second_part(tmp_path, codec, monkeypatch):
    """The libraries unpack one stream after another; the first alone says nothing."""
    monkeypatch.setattr(chunks, "_HARMLESS_BYTES", 1 << 20)
    stack = make_stack("uint8")
    ome_zarr_folder(
        tmp_path / "a",
        stack,
        version="0.4",
        chunks=stack.shape,
        compressors=numcodecs.get_codec({"id": codec}),
    )
    np.testing.assert_array_equal(open_volume(tmp_path / "a").read(0, 6), stack)
    (chunk,) = (path for path in (tmp_path / "a" / "0").rglob("0*") if path.is_file())
    chunk.write_bytes(growing(codec))
    with pytest.raises(UnreadableFileError, match="would grow"):
        open_volume(tmp_path / "a").read(0, 1)


@pytest.mark.parametrize("place", ["start", "end"])
def test_zarr_shards_that_grow_without_end(tmp_path, place, monkeypatch):
    monkeypatch.setattr(chunks, "_HARMLESS_BYTES", 1 << 20)
    inner = (1, 16, 16)
    for name, stack, shard, chunk in (
        ("a", make_stack("uint8", (4, 32, 32)), (4, 32, 32), inner),
        ("b", np.zeros((4, 2048, 2048), "u1"), (4, 2048, 2048), (4, 2048, 2048)),
    ):
        codec = ShardingCodec(
            chunk_shape=chunk, codecs=[BytesCodec(), ZstdCodec()], index_location=place
        )
        options = {"serializer": codec, "compressors": None, "fill_value": 1}
        ome_zarr_folder(tmp_path / name, stack, chunks=shard, **options)
        volume = open_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.read(0, 4), stack)
    shard = tmp_path / "a" / "0" / "c" / "0" / "0" / "0"
    bomb = (tmp_path / "b" / "0" / "c" / "0" / "0" / "0").read_bytes()
    content = bytearray(shard.read_bytes())
    index = 0 if place == "start" else len(content) - 16 * 16 - 4
    head = 20 if place == "start" else 0
    start, n_bytes = struct.unpack_from("<QQ", bomb, 0 if head else len(bomb) - 20)
    at = len(content) if head else index
    content[at:at] = bomb[start : start + n_bytes]
    struct.pack_into("<QQ", content, index + (0 if head else n_bytes), at, n_bytes)
    shard.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="would grow"):
        open_volume(tmp_path / "a").read(0, 1)


def test_zarr_compressors_one_after_another_are_refused(tmp_path):
    for name, compressors in (
        ("a", [GzipCodec(), ZstdCodec()]),
        ("b", [ZstdCodec(), GzipCodec(), Crc32cCodec()]),
    ):
        ome_zarr_folder(tmp_path / name, make_stack(), compressors=compressors)
        with pytest.raises(UnreadableFileError, match="one after another"):
            open_volume(tmp_path / name)
    ome_zarr_folder(tmp_path / "c", make_stack(), compressors=[ZstdCodec(), Crc32cCodec()])
    np.testing.assert_array_equal(open_volume(tmp_path / "c").read(0, 6), make_stack())


def test_zarr_descriptions_of_undue_length_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    WRITERS["ome-zarr-zip"][0](path, make_stack())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0/.zattrs", bytes(17 << 20))
    with pytest.raises(UnreadableFileError, match="no description"):
        open_volume(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("told", [0, 15, 1 << 31])
def test_blosc_chunks_that_lead_beyond_their_end(tmp_path, zipped, told):
    """Found by `make fuzz`: the library followed the length in the header, and crashed."""
    folder, chunk = tmp_path / "a", tmp_path / "a" / "0" / "c" / "0" / "0" / "0"
    ome_zarr_folder(folder, make_stack(), compressors=BloscCodec(cname="lz4"), chunks=(6, 37, 23))
    assert open_volume(folder).read(0, 1).any()
    chunk.write_bytes(replaced(chunk.read_bytes(), 12, "<I", told))
    path = folder
    if zipped:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for member in folder.rglob("*"):
                archive.write(member, member.relative_to(folder))
    with pytest.raises(UnreadableFileError, match="claims to have"):
        open_volume(path).read(0, 1)


def test_hdf5_chunks_that_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "_HARMLESS_BYTES", 1 << 20)
    with h5py.File(tmp_path / "a", "w") as file:
        array = file.create_dataset("a", (2, 8, 8), "u1", chunks=(1, 8, 8), compression="gzip")
        array[:] = 1
        array.id.write_direct_chunk((1, 0, 0), zlib.compress(bytes(4 << 20)))
    volume = open_volume(tmp_path / "a")
    assert (volume.read(0, 1) == 1).all()
    with pytest.raises(UnreadableFileError, match="would grow"):
        volume.read(1, 2)


def test_slices_that_cannot_be_held(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file.create_dataset("a", (5, 100_000, 100_000), "f4", chunks=(1, 100, 100))
    with pytest.raises(UnreadableFileError, match=r"40\.0 GB each"):
        open_volume(tmp_path / "a")


def test_soft_and_external_links_in_hdf5_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret", "w") as file:
        file["a"] = make_stack()
    with h5py.File(tmp_path / "b", "w") as file:
        file["out"] = h5py.ExternalLink(str(tmp_path / "secret"), "/a")
        file["again"] = h5py.SoftLink("/out")
    assert list_datasets(tmp_path / "b") == []
    with pytest.raises(VolumeError):
        open_volume(tmp_path / "b", dataset="again")
    with pytest.raises(UnreadableFileError, match="'out' in 'b' is only a link to '/a' in another"):
        open_volume(tmp_path / "b")


def test_ome_companions_are_not_opened(tmp_path, monkeypatch):
    secret = tmp_path / "secret.tif"
    tifffile.imwrite(secret, make_stack())
    inside = tmp_path / "in"
    inside.mkdir()
    path = inside / "a.ome.tif"
    tifffile.imwrite(path, make_stack(), ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        xml = tif.ome_metadata
    start = xml.index("<TiffData")
    out = f'<TiffData IFD="0" FirstZ="0"><UUID FileName="../secret.tif">urn:uuid:{"0" * 8}</UUID>'
    xml = xml[:start] + out + "</TiffData>" + xml[xml.index("</Pixels>") :]
    tifffile.imwrite(path, make_stack(), photometric="minisblack", description=xml, metadata=None)
    opened = []
    init = tifffile.TiffFile.__init__

    def watched(self, file, *args, **options):
        opened.append(Path(file).name)
        init(self, file, *args, **options)

    monkeypatch.setattr(tifffile.TiffFile, "__init__", watched)
    with pytest.raises(DeepSXTError):
        open_volume(path).read(0, 6)
    assert set(opened) == {"a.ome.tif"}


def test_nrrd_and_nifti_never_open_a_second_file(tmp_path):
    (tmp_path / "raw").write_bytes(bytes(1000))
    (tmp_path / "a.nrrd").write_text(
        "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 5 5 5\nencoding: raw\ndata file: raw\n\n"
    )
    attempt(tmp_path / "a.nrrd")
    pair = nibabel.Nifti1Pair(np.zeros((3, 4, 5), "u1"), np.eye(4))
    nibabel.save(pair, tmp_path / "b.img")
    attempt(tmp_path / "b.hdr")


@pytest.mark.parametrize(
    "reference",
    [
        'Lattice { byte Data } = "../secret.raw"\n',
        'Lattice { byte Data } "HxExternal:/etc/hostname"\n',
        '    SourceFile "../secret.raw"\nLattice { byte Data } @1(HxExternal,600)\n\n@1\n',
    ],
)
def test_amira_references_are_not_opened(tmp_path, reference):
    (tmp_path / "secret.raw").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.am"
    path.write_text(f"# AmiraMesh BINARY-LITTLE-ENDIAN 2.1\n\ndefine Lattice 5 5 5\n\n{reference}")
    attempt(path)


def test_links_inside_a_zip_are_not_followed(tmp_path):
    path = tmp_path / "a.zip"
    WRITERS["ome-zarr-zip"][0](path, make_stack())
    (tmp_path / "secret").write_text("secret")
    link = zipfile.ZipInfo("0/c/9/9/9")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "../../../../../secret")
    np.testing.assert_array_equal(open_volume(path).read(0, 6), make_stack())


def test_an_mrc_with_a_huge_extended_header(tmp_path):
    mrcfile.write(tmp_path / "a", make_stack("float32"))
    content = bytearray((tmp_path / "a").read_bytes())
    content[92:96] = struct.pack("<i", 2**31 - 1)
    content[104:108] = b"FEI1"
    (tmp_path / "a").write_bytes(content)
    attempt_open = pytest.raises(UnreadableFileError, match="truncated")
    with attempt_open:
        open_volume(tmp_path / "a")
