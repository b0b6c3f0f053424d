import copy
import json
from dataclasses import replace

import pytest

from deepsxt_core.errors import InvalidParameterError, ModelError
from deepsxt_core.network import NetworkConfig


def read(golden, name):
    return json.loads((golden / f"{name}.json").read_text())


def test_reading_and_writing_the_published_layout_is_lossless(golden, golden_name):
    config = NetworkConfig.from_json(golden / f"{golden_name}.json")
    assert NetworkConfig.from_dict(config.to_dict()) == config


def test_reading_leaves_its_input_alone(golden, golden_name):
    data = read(golden, golden_name)
    before = copy.deepcopy(data)
    NetworkConfig.from_dict(data)
    assert data == before


def test_published_architecture_is_that_of_the_published_file(golden):
    assert NetworkConfig.published(4) == NetworkConfig.from_json(golden / "published_width16.json")


def test_what_the_published_layout_has_no_word_for_is_written_only_where_it_differs(golden):
    published = NetworkConfig.from_json(golden / "published_width16.json")
    assert not {"context", "stem_factor"} & set(published.to_dict())
    ours = replace(published, context=1, stem_factor=2)
    assert NetworkConfig.from_dict(ours.to_dict()) == ours
    assert (ours.slices_seen, ours.divisor) == (3, 2 * published.divisor)
    with pytest.raises(InvalidParameterError, match="context"):
        replace(published, context=-1)


def test_no_pooling_entry_means_max_pooling_by_two(golden):
    config = NetworkConfig.from_dict(read(golden, "published_width16") | {"pooling": None})
    assert (config.pooling, config.pooling_factor, config.divisor) == ("max", 2, 16)


def test_unknown_activation_counts_as_linear(golden):
    data = read(golden, "published_width16")
    data["neck"]["activation"] = {"type": "something"}
    assert NetworkConfig.from_dict(data).neck.block.activation == "linear"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda d: d.pop("neck"), ModelError, "neck"),
        (lambda d: d["encoder"].pop("n_filters"), ModelError, "n_filters"),
        (lambda d: d.update(pooling={"type": "median", "factor": 2}), InvalidParameterError, "med"),
        (lambda d: d["encoder"].update(n_stages=3), InvalidParameterError, "n_stages is 3"),
        (lambda d: d["encoder"].update(kernel_sizes=[3]), InvalidParameterError, "kernel_sizes"),
        (lambda d: d["neck"].update(n_filters=0), InvalidParameterError, "n_filters"),
        (lambda d: d.update(m_f="wide"), ModelError, "wrong type"),
        (lambda d: d.update(encoder=[1]), ModelError, "wrong type"),
        (
            lambda d: d["neck"].update(dropout={"active": True, "rate": 1.0}),
            InvalidParameterError,
            "dropout",
        ),
        (
            lambda d: d["decoder_label"].update(
                n_stages=2, n_filters=[8, 4, 4], kernel_sizes=[3, 3, 3]
            ),
            InvalidParameterError,
            "label_decoder has 2 stages",
        ),
    ],
)
def test_invalid_configurations_say_what_is_wrong(golden, change, error, text):
    data = read(golden, "published_width16")
    change(data)
    with pytest.raises(error, match=text):
        NetworkConfig.from_dict(data)


def test_unreadable_file_is_a_model_error(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        NetworkConfig.from_json(tmp_path / "config.json")
    with pytest.raises(ModelError, match=r"none\.json"):
        NetworkConfig.from_json(tmp_path / "none.json")
