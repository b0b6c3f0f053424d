import shutil

import numpy as np
import pytest

from deepsxt_core.errors import ModelError, WeightsMismatchError
from deepsxt_core.network import (
    build_network,
    list_models,
    load_model,
    save_model,
)
from tests.models import small_config

CONFIG = small_config(1)


@pytest.fixture(scope="module")
def network():
    return build_network(CONFIG)


def test_a_saved_model_comes_back_the_same(network, tmp_path):
    save_model(tmp_path / "mine", network, CONFIG, "# Mine\n")
    model = load_model(tmp_path / "mine")
    assert (model.config, model.info.name, model.info.card) == (CONFIG, "mine", "# Mine\n")
    for a, b in zip(network.get_weights(), model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_library_lists_complete_models_only(network, workspace_home):
    save_model(workspace_home / "models" / "mine", network, CONFIG, "")
    (workspace_home / "models" / "half").mkdir()
    names = [info.name for info in list_models()]
    assert "mine" in names
    assert "half" not in names
    shutil.copytree(workspace_home / "models" / "mine", workspace_home / "models" / ".late-x1")
    assert [info.name for info in list_models()] == names
    assert load_model("mine").info.folder == workspace_home / "models" / "mine"


def test_saving_again_replaces_and_a_failure_leaves_the_old_one(network, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    save_model(folder, network, CONFIG, "first")
    save_model(folder, network, CONFIG, "second")
    assert load_model(folder).info.card == "second"
    monkeypatch.setattr(type(network), "save_weights", lambda *_: (_ for _ in ()).throw(OSError()))
    with pytest.raises(OSError):
        save_model(folder, network, CONFIG, "third")
    assert load_model(folder).info.card == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_hash_follows_the_weights(network, tmp_path):
    first = save_model(tmp_path / "a", network, CONFIG, "")
    same = save_model(tmp_path / "b", network, CONFIG, "another card")
    assert first.sha256() != save_model(tmp_path / "c", build_network(CONFIG), CONFIG, "").sha256()
    assert len(same.sha256()) == 64


def test_an_unknown_name_tells_what_is_installed(network, workspace_home):
    save_model(workspace_home / "models" / "mine", network, CONFIG, "")
    with pytest.raises(ModelError, match=r"'other'.*mine"):
        load_model("other")


def test_an_incomplete_folder_says_what_it_lacks(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json and model\.weights\.h5"):
        load_model(tmp_path)


def test_weights_of_another_width_are_refused(network, tmp_path):
    info = save_model(tmp_path / "mine", network, CONFIG, "")
    other = save_model(tmp_path / "b", build_network(small_config(2)), small_config(2), "")
    (other.folder / "config.json").replace(info.folder / "config.json")
    with pytest.raises(WeightsMismatchError, match="'mine'"):
        load_model(tmp_path / "mine")


def test_the_hash_is_not_kept_beyond_the_file(network, tmp_path):
    info = save_model(tmp_path / "mine", network, CONFIG, "")
    before = info.sha256()
    save_model(tmp_path / "mine", build_network(CONFIG), CONFIG, "")
    assert info.sha256() != before
