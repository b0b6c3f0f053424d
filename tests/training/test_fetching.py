"""Public data sets, by small imitations of how their files are laid out."""

import hashlib
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mrcfile
import numpy as np
import pytest
import tifffile

from deepsxt_core.cli.main import main
from deepsxt_core.errors import DeepSXTError, TrainingDataError
from deepsxt_core.io import open_volume
from deepsxt_core.progress import NoProgress
from deepsxt_core.training import fetching
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.fetching import NOTE_NAME, download_set, fetch
from deepsxt_core.training.public_sets import INS1E_MITO, PUBLISHED
from deepsxt_core.training.reading import DataParams
from deepsxt_core.volume import VoxelSize
from tests.training.conftest import draw

SHAPE = (3, 24, 30)


@pytest.fixture(autouse=True)
def looked_at_here(monkeypatch):
    """Spare the tests a process for each file."""
    monkeypatch.setattr(fetching, "probe", lambda path: open_volume(path).read(0, 1))


def published_zip(path, names=("cell_a", "cell_b"), unlabelled=("cell_c",)):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, name in enumerate((*names, *unlabelled)):
            image, labels = draw(seed, (64, 64))
            files = {f"{name}.tif": image}
            if name in names:
                files[f"{name}.labels.tif"] = labels.astype(np.uint8) * 255
            for file_name, array in files.items():
                plain = path.parent / "one.tif"
                tifffile.imwrite(plain, array, photometric="minisblack")
                archive.write(plain, f"training_data/{file_name}")
                plain.unlink()
        archive.writestr("training_data/readme.txt", "how it was made")
        archive.writestr("__MACOSX/training_data/._cell_a.tif", b"nothing")
    return path


def classes():
    """A cell with a nucleus and a mitochondrion, by the values of SXT-INS1E-Mito."""
    found = np.zeros(SHAPE, np.int8)
    found[:, 3:21, 3:27] = 1
    found[:, 8:16, 6:14] = 2
    found[:, 9:14, 18:24] = 5
    return found


def ins1e_zips(folder, labels=None, cells=("KLW_1111_13", "KLW_1128_1-2")):
    found = classes() if labels is None else labels
    raw = np.random.default_rng(0).normal(0.3, 0.02, SHAPE).astype(np.float32)
    zips = folder / "Raw_tomograms.zip", folder / "Labels.zip"
    for path, end, array in zip(zips, ("_scaled", "_labels"), (raw, found), strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            for cell in cells:
                plain = folder / "one.mrc"
                with mrcfile.new(plain, overwrite=True) as mrc:
                    mrc.set_data(array)
                    mrc.voxel_size = 310.0
                archive.write(plain, f"{path.stem}/{cell}{end}.mrc")
                plain.unlink()
    return zips


def test_a_published_zip_becomes_a_folder_for_fine_tuning(tmp_path, capsys):
    source = published_zip(tmp_path / "data.zip")
    out = tmp_path / "taken"
    arguments = ["fetch", "published", "--source", str(source), "--out", str(out), "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["files"], report["labelled_slices"], report["unlabelled_slices"]) == (3, 2, 1)
    image, labels = draw(1, (64, 64))
    np.testing.assert_array_equal(open_volume(out / "cell_b.tif").read(0, 1)[0], image)
    found = open_training_set(out)
    assert [source.name for source in found.sources] == ["cell_a", "cell_b", "cell_c"]
    np.testing.assert_array_equal(found.sources[1].read_labels(0), labels)
    note = (out / NOTE_NAME).read_text()
    assert PUBLISHED.doi in note
    assert hashlib.sha256(source.read_bytes()).hexdigest() in note
    assert main(arguments) == 1
    assert "not empty" in capsys.readouterr().err


def test_bodies_become_membranes_where_they_meet(tmp_path):
    out = tmp_path / "ins1e"
    counts = fetch(INS1E_MITO, out, ins1e_zips(tmp_path), outline_px=2)
    assert counts["labelled_slices"] == 2 * SHAPE[0]
    volume = open_volume(out / "KLW_1128_1-2.labels.tif")
    assert volume.voxel_size_nm == pytest.approx(VoxelSize(31, 31, 31))
    found = volume.read(0, 3)
    assert set(np.unique(found)) == {0, 1, 128}
    # Two pixels wide: one on either side of where the cell ends, and of where the nucleus begins.
    assert found[1, 12, :9].tolist() == [0, 0, 1, 1, 128, 1, 1, 0, 0]
    assert found[1, 11, 20:22].tolist() == [0, 0]  # in the middle of the mitochondrion
    source = open_training_set(out).sources[0]
    assert source.image.voxel_size_nm == pytest.approx(VoxelSize(31, 31, 31))
    assert "2 pixels wide" in (out / NOTE_NAME).read_text()


def test_bodies_may_stay_the_classes_that_they_are(tmp_path, capsys):
    out = tmp_path / "classes"
    zips = [word for path in ins1e_zips(tmp_path) for word in ("--source", str(path))]
    assert main(["fetch", "sxt-ins1e-mito", "--labels", "classes", *zips, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert INS1E_MITO.classes in told
    found = open_training_set(out, DataParams(classes=INS1E_MITO.classes))
    assert found.classes == ("nucleus", "mitochondrion")
    np.testing.assert_array_equal(found.sources[0].labels.read(0, 3), classes())
    arguments = ["fetch", "published", "--labels", "classes", "--out", str(tmp_path / "none")]
    assert main(arguments) == 1
    assert "no classes" in capsys.readouterr().err


def _wrong_value(folder):
    return ins1e_zips(folder, np.where(classes() == 5, 4, classes()).astype(np.int8))


def _other_shape(folder):
    return ins1e_zips(folder, classes()[:, :-1])


def _truncated(folder):
    zips = ins1e_zips(folder)
    zips[0].write_bytes(zips[0].read_bytes()[:3000])
    return zips


def _flipped(folder):
    zips = ins1e_zips(folder)
    content = bytearray(zips[0].read_bytes())
    content[3000] ^= 255
    zips[0].write_bytes(content)
    return zips


def _labels_alone(folder):
    return ins1e_zips(folder)[1:]


def _images_alone(folder):
    return ins1e_zips(folder)[:1]


def _bomb(folder):
    with zipfile.ZipFile(folder / "Labels.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Labels/a_labels.mrc", bytes(1 << 20))
    content = bytearray((folder / "Labels.zip").read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (4_000_000_000).to_bytes(4, "little")
    (folder / "Labels.zip").write_bytes(content)
    return (folder / "Labels.zip",)


def _nothing(folder):
    return (folder / "there-is-none.zip",)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (_wrong_value, "holds the label 4"),
        (_other_shape, "3 × 23 × 30"),
        (_truncated, "Raw_tomograms.zip"),
        (_flipped, "CRC|checksum"),
        (_labels_alone, "has no image"),
        (_images_alone, "no labels among"),
        (_bomb, "would grow"),
        (_nothing, "There is no file"),
    ],
)
def test_what_is_not_as_it_is_known_is_refused_and_leaves_nothing(tmp_path, sources, told):
    given = sources(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DeepSXTError, match=told):
        fetch(INS1E_MITO, tmp_path / "out", given)
    assert sorted(tmp_path.iterdir()) == before


def test_members_never_leave_the_folder(tmp_path):
    image, labels = draw(0, (64, 64))
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name, array in (("e", image), ("e.labels", labels.astype(np.uint8))):
            tifffile.imwrite(tmp_path / "one.tif", array, photometric="minisblack")
            archive.write(tmp_path / "one.tif", f"../../../{name}.tif")
    out = tmp_path / "deep" / "out"
    fetch(PUBLISHED, out, [tmp_path / "bad.zip"])
    assert {path.name for path in out.iterdir()} == {"e.tif", "e.labels.tif", NOTE_NAME}
    assert {path.name for path in out.parent.iterdir()} == {"out"}


def test_without_an_address_it_says_where_to_fetch_by_hand(tmp_path):
    with pytest.raises(TrainingDataError, match=r"by hand .*refubium-37222"):
        fetch(PUBLISHED, tmp_path / "out")


class Zenodo(BaseHTTPRequestHandler):
    files: dict[str, bytes]
    listed: dict[str, bytes]

    def do_GET(self):
        if self.path == "/20513085":
            body = json.dumps(
                {
                    "files": [
                        {
                            "key": name,
                            "size": len(content),
                            "checksum": "md5:" + hashlib.md5(content).hexdigest(),
                        }
                        for name, content in self.listed.items()
                    ]
                }
            ).encode()
        else:
            body = self.files[self.path.split("/")[-2]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Stay quiet."""


@pytest.fixture
def zenodo(tmp_path):
    zips = ins1e_zips(tmp_path, cells=("a",))
    Zenodo.files = {path.name: path.read_bytes() for path in zips}
    Zenodo.listed = dict(Zenodo.files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Zenodo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_record_is_downloaded_and_checked(zenodo, tmp_path, workspace_home, monkeypatch):
    monkeypatch.setattr(fetching, "_RECORDS", zenodo)
    fetch(INS1E_MITO, tmp_path / "out")
    assert "md5:" in (tmp_path / "out" / NOTE_NAME).read_text()
    assert not list((workspace_home / "downloads" / INS1E_MITO.name).iterdir())


@pytest.mark.parametrize("how", ["another", "shorter", "missing", "no network"])
def test_a_download_that_differs_is_refused(zenodo, how):
    content = Zenodo.files["Labels.zip"]
    if how == "another":
        Zenodo.files["Labels.zip"] = content[:-1] + b"x"
    elif how == "shorter":
        Zenodo.files["Labels.zip"] = content[:500]
    elif how == "missing":
        del Zenodo.listed["Labels.zip"]
    told = {"missing": "no file 'Labels.zip'", "no network": "cannot be reached"}
    address = "http://127.0.0.1:9" if how == "no network" else zenodo
    with pytest.raises(TrainingDataError, match=told.get(how, "differs")) as raised:
        download_set(INS1E_MITO, NoProgress(), address)
    assert "by hand" in str(raised.value)
