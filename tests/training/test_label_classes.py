"""Labels of several classes, and the model that learns them."""

import json

import keras
import numpy as np
import pytest

from deepsxt_core.annotation import EditClass, EditObjects, create_annotation, open_annotation
from deepsxt_core.cli.main import main
from deepsxt_core.errors import InvalidParameterError, TrainingDataError
from deepsxt_core.network import load_model, save_model
from deepsxt_core.network.architecture import CLASS_PART
from deepsxt_core.training.class_table import IGNORED, ClassTable
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.held_back import measure
from deepsxt_core.training.mixing import labelled_samples
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.preview import CLASSES, preview_samples
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import split
from deepsxt_core.volume import Volume
from tests.models import small_config, small_network
from tests.training.conftest import draw
from tests.training.stand_in_training import PARAMS

TABLE = "1=membrane, 2=nucleus, 3=membrane+nucleus, 4=ignored, 5=none"
READING = DataParams(classes=TABLE)
OPTIONS = {"batch_size": 8, "crop_px": 32, "positive_weight": 2.0, "seed": 0}


@pytest.fixture
def several(folder):
    """Return two images whose labels hold all values of the table."""
    for number, name in enumerate("ab"):
        image, lines = draw(number)
        labels = np.where(lines, 1, 0).astype(np.uint8)
        labels[20:60, 40:] = np.where(lines[20:60, 40:], 3, 2)
        labels[:4, :8], labels[:4, 8:16], labels[4:8, :8] = 4, 5, 128
        folder.add(name, image, labels)
    return folder.path


def test_a_table_says_what_values_mean():
    table = ClassTable.parse(TABLE)
    assert table.names == ("membrane", "nucleus")
    decoded = table.decode(np.array([0, 1, 2, 3, 4, 5]))
    np.testing.assert_array_equal(decoded, [0, 1, 2, 3, IGNORED, 0])


@pytest.mark.parametrize(
    "text", ["", "membrane", "1=", "1=a,1=b", "1=none", "x=a", "1=../a", "1=a,2=A"]
)
def test_what_is_no_table_is_refused(text):
    with pytest.raises(InvalidParameterError):
        DataParams(classes=text)


def test_values_without_a_meaning_are_refused(several):
    with pytest.raises(TrainingDataError, match="add 5=NAME, 5=none or 5=ignored"):
        open_training_set(several, DataParams(classes="1=membrane,2=nucleus,3=none,4=none"))


def test_each_class_has_a_channel_and_the_unknown_no_weight_in_any(several):
    data = open_training_set(several, READING)
    labels = data.sources[0].read_labels(0)
    assert data.classes == ("membrane", "nucleus")
    assert set(np.unique(labels)) == {0, 1, 2, 3, IGNORED}
    assert (labels[:4, :8] == IGNORED).all() and (labels[4:8, :8] == IGNORED).all()
    batch = Samples(data, split(data).training, augmentation=0, **OPTIONS).draw(0)
    assert batch.target.shape == batch.weight.shape == (8, 32, 32, 2)
    assert set(np.unique(batch.weight)) <= {0, 1, 2}
    assert (batch.target[batch.weight == 2] == 1).all()
    np.testing.assert_array_equal(batch.weight[..., 0] == 0, batch.weight[..., 1] == 0)
    for channel in (0, 1):
        assert (batch.target[..., channel] == 1).any()
    colours = np.concatenate([picture.reshape(-1, 3) for picture in preview_samples(
        data, split(data).training and split(data), PARAMS, count=4
    )])  # fmt: skip
    assert len(CLASSES) > 1 and len(np.unique(colours, axis=0)) > 2


def test_one_class_of_a_table_is_learnt_as_without_a_table(folder):
    folder.add_drawn("a", "b")
    plain = open_training_set(folder.path)
    named = open_training_set(folder.path, DataParams(classes="1=membrane"))
    assert plain.classes == named.classes
    blocks = split(plain).training
    for one, two in zip(
        Samples(plain, blocks, **OPTIONS).draw(3), Samples(named, blocks, **OPTIONS).draw(3),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, two)


def test_simulated_crops_teach_membranes_alone(several):
    data = open_training_set(several, READING)
    params = TrainingParams(batch_size=4, crop_px=32, rehearsal=0.5)
    batch = labelled_samples(data, split(data), params, small_config(), ()).draw(0)
    assert batch.target.shape == (4, 32, 32, 2)
    assert not batch.weight[2:, ..., 1].any() and batch.weight[2:, ..., 0].all()
    of_nuclei = open_training_set(
        several, DataParams(classes="1=none,2=nucleus,3=nucleus,4=none,5=none")
    )
    batch = labelled_samples(of_nuclei, split(of_nuclei), params, small_config(), ()).draw(0)
    assert batch.target.shape == (4, 32, 32, 1)


def test_annotations_are_learnt_by_the_names_of_their_classes(folder):
    image, lines = draw(0, (4, 96, 128))
    folder.add("cell", image)
    labels = lines.astype(np.uint8)
    labels[2, 10:30, 10:30], labels[3, 40:50, 40:50] = 2, 3
    path = folder.path / "cell.annotation"
    create_annotation(path, folder.path / "cell.tif", Volume.from_array(labels))
    with open_annotation(path) as annotation:
        annotation.apply(EditClass(name="nucleus"))
        annotation.apply(EditObjects(objects=[2], class_name="nucleus"))
        annotation.apply(EditObjects(objects=[3], class_name="not judged"))

    # Its values are ids, of which the table knows nothing.
    (source,) = open_training_set(folder.path, DataParams(classes="7=nucleus,9=membrane")).sources
    found = np.stack([source.read_labels(z) for z in range(4)])
    expected = np.select([labels == 3, labels == 2, labels == 1], [IGNORED, 1, 2], 0)
    np.testing.assert_array_equal(found, expected)


def test_a_model_of_one_class_learns_others(capsys, several, tmp_path):
    save_model(tmp_path / "base", small_network(), small_config(2), "")
    base = load_model(tmp_path / "base")
    code = main(
        ["finetune", str(several), "--base", str(tmp_path / "base"), "--name", "mine", "--json",
         "--classes", TABLE, "--steps", "2", "--crop-px", "32", "--batch-size", "2",
         "--regions", "1", "--learning-rate", "1e-9"]
    )  # fmt: skip
    report = json.loads(capsys.readouterr().out)
    assert code == 0 and report["classes"] == ["membrane", "nucleus"]
    made = load_model(report["folder"])
    assert made.config.classes == ("membrane", "nucleus")
    assert (
        "| Classes | membrane, nucleus |" in made.info.card and "| F1 nucleus |" in made.info.card
    )
    # What the base knows of membranes is there; of nuclei it knows nothing.
    kernels = [
        keras.ops.convert_to_numpy(model.network.get_layer(f"{CLASS_PART}_conv_0").kernel)
        for model in (made, base)
    ]
    np.testing.assert_allclose(kernels[0][..., 0], kernels[1][..., 0], atol=1e-4)
    assert report["base_scores"]["f1 nucleus"] == 0
    assert report["base_scores"]["f1"] == pytest.approx(report["base_scores"]["f1 membrane"] / 2)

    data = open_training_set(several, DataParams(classes=TABLE.replace("membrane", "x")))
    assert measure(base.network, data, split(data).validation)["f1"] == 0
