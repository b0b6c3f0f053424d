import zipfile

import numpy as np
import pytest

from deepsxt_core.errors import ModelError, WeightsMismatchError
from deepsxt_core.fingerprints import file_sha256
from deepsxt_core.network import NetworkConfig, list_models, load_model, save_model
from deepsxt_core.network.library import export_model, import_model, remove_model
from tests.models import small_config, small_network

CONFIG = small_config(2)


@pytest.fixture
def installed(workspace_home):
    return save_model(workspace_home / "models" / "mine", small_network(), CONFIG, "# Mine\n")


def weights_equal(name):
    pairs = zip(load_model(name).network.get_weights(), small_network().get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def installed_names(workspace_home):
    return {info.name for info in list_models() if workspace_home in info.folder.parents}


def test_an_exported_model_is_imported_the_same(installed, tmp_path):
    archive = export_model("mine", tmp_path / "mine.zip")
    again = import_model(archive, name="again")
    assert (again.card, again.sha256()) == (installed.card, load_model("again").info.sha256())
    assert weights_equal("again")


def test_published_weights_are_imported_with_their_configuration(golden, workspace_home):
    config = NetworkConfig.from_json(golden / "variant_leaky_avgpool.json")
    info = import_model(golden / "variant_leaky_avgpool.h5", config=config)
    assert info.name == "variant_leaky_avgpool"
    assert load_model(info.name).config == config
    assert file_sha256(golden / "variant_leaky_avgpool.h5") in info.card
    assert "| Licence | not known |" in info.card
    assert installed_names(workspace_home) == {"variant_leaky_avgpool"}


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_files_of_keras_are_imported(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    network = small_network()
    network.save_weights(path) if suffix == ".weights.h5" else network.save(path)
    assert import_model(path, config=CONFIG).name == "mine"
    assert weights_equal("mine")


def test_a_removed_model_is_gone_and_a_bundled_one_stays(installed, monkeypatch, tmp_path):
    monkeypatch.setattr("deepsxt_core.settings.assets_folder", lambda: tmp_path / "assets")
    save_model(tmp_path / "assets" / "models" / "bundled", small_network(), CONFIG, "")
    remove_model("mine")
    assert not installed.folder.exists()
    with pytest.raises(ModelError, match="cannot be removed"):
        remove_model("bundled")


@pytest.mark.usefixtures("installed")
def test_a_taken_name_is_refused(tmp_path):
    archive = export_model("mine", tmp_path / "mine.zip")
    with pytest.raises(ModelError, match="already"):
        import_model(archive)


def zip_with(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p: p, ModelError, "no file"),
        (lambda p: (p.write_bytes(b"") and p) or p, ModelError, "neither"),
        (lambda p: (p.write_text("<html>"), p)[1], ModelError, "neither"),
        (lambda p: zip_with(p, readme__txt="x"), ModelError, r"holds no model\.weights\.h5"),
        (lambda p: zip_with(p, model__weights__h5="x"), ModelError, "no HDF5"),
        (
            lambda p: zip_with(p, model__weights__h5="x", config__json="{"),
            ModelError,
            r"Cannot read .*config\.json",
        ),
    ],
)
def test_other_files_are_refused_and_leave_nothing(tmp_path, workspace_home, make, error, text):
    with pytest.raises(error, match=text):
        import_model(make(tmp_path / "model.zip"))
    assert installed_names(workspace_home) == set()


def test_a_zip_cut_short_is_refused(installed, tmp_path, workspace_home):
    archive = export_model("mine", tmp_path / "mine.zip")
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)
    with pytest.raises(ModelError, match=r"mine\.zip"):
        import_model(archive, name="again")
    assert installed_names(workspace_home) == {installed.name}


def test_a_zip_never_writes_outside(tmp_path, installed):
    archive = export_model("mine", tmp_path / "mine.zip")
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(hostile, "w") as target:
        for info in source.infolist():
            target.writestr(f"../../outside/{info.filename.rpartition('/')[2]}", source.read(info))
    import_model(hostile)
    assert not list(tmp_path.parent.glob("**/outside"))
    assert installed.folder.with_name("hostile").is_dir()


def test_weights_of_another_network_leave_nothing(golden, workspace_home):
    with pytest.raises(WeightsMismatchError):
        import_model(golden / "variant_leaky_avgpool.h5", config=CONFIG)
    assert installed_names(workspace_home) == set()
