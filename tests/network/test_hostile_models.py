"""Models made to harm: each is refused in one line, quickly, with little memory."""

import json
import subprocess
import sys
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError, ModelError
from deepsxt_core.io.limited import ProcessLimits
from deepsxt_core.network import (
    NetworkConfig,
    export_model,
    find_installed,
    find_model,
    import_model,
    intake,
    list_models,
    load_legacy_weights,
    load_model,
    save_model,
)
from deepsxt_core.network.models import CARD_NAME, MOST_CARD_BYTES
from deepsxt_core.network.size import NetworkSize
from tests.models import small_config, small_network
from tests.network.fuzz_models import (
    KINDS,
    import_case,
    make_case,
    make_config_case,
    make_seeds,
    read_config_case,
)

CONFIG = small_config(2)


@pytest.fixture
def installed(workspace_home):
    return save_model(workspace_home / "models" / "mine", small_network(), CONFIG, "# Mine\n")


def refused(path, match, **options):
    with pytest.raises((ModelError, InvalidParameterError), match=match) as caught:
        import_model(path, **options)
    assert "\n" not in str(caught.value)
    assert "stolen" not in [info.name for info in list_models()]


def pointing_elsewhere(path, name, secret):
    """Let one array of a weight file lie in another file of the server."""
    with h5py.File(path, "r+") as file:
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        file.create_dataset(name, shape, dtype, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def first_array(path):
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda n, x: found.append(n) if isinstance(x, h5py.Dataset) else None)
    return found[0]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"the secret of the server " * 100_000)
    return path


def test_published_weights_cannot_lie_in_files_of_the_server(tmp_path, golden, secret):
    path = tmp_path / "stolen.h5"
    path.write_bytes((golden / "variant_leaky_avgpool.h5").read_bytes())
    pointing_elsewhere(path, first_array(path), secret)
    config = NetworkConfig.from_json(golden / "variant_leaky_avgpool.json")
    refused(path, "points to values in other files", config=config)
    with pytest.raises(ModelError, match="points to values in other files"):
        load_legacy_weights(small_network(), path)


@pytest.mark.parametrize("kind", ["weights", "keras", "zip"])
def test_weights_of_keras_cannot_lie_in_files_of_the_server(tmp_path, secret, kind):
    weights = tmp_path / "stolen.weights.h5"
    small_network().save_weights(weights)
    pointing_elsewhere(weights, first_array(weights), secret)
    path = weights
    if kind != "weights":
        path = tmp_path / f"stolen.{kind}"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(weights, "model.weights.h5")
    refused(path, "points to values in other files", config=CONFIG)


def test_a_folder_given_as_a_model_is_looked_at_likewise(installed, secret):
    weights = installed.folder / "model.weights.h5"
    pointing_elsewhere(weights, first_array(weights), secret)
    with pytest.raises(ModelError, match="points to values in other files"):
        load_model("mine")


def test_weights_that_claim_to_be_huge_are_refused_unread(tmp_path):
    path = tmp_path / "stolen.weights.h5"
    small_network().save_weights(path)
    with h5py.File(path, "r+") as file:
        file.create_dataset("more", (1 << 16, 1 << 16), "f4", chunks=(1 << 10, 1 << 10))
    refused(path, "claims to hold", config=CONFIG)


def zip_of(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"card__md": bytes(500 << 20)}, r"card\.md .* would unpack"),
        ({"config__json": bytes(100 << 20)}, r"config\.json .* would unpack"),
        ({"model__weights__h5": bytes(100 << 20)}, r"model\.weights\.h5 .* would unpack"),
        ({"config__json": "[" * 100_000}, "nested too deeply"),
        ({"config__json": '{"m_f": 1' + "0" * 5000 + "}"}, "Cannot read"),
        ({"card__md": b"\xff\xfe"}, "damaged"),
    ],
)
def test_zip_files_that_grow_or_hold_nonsense(tmp_path, members, text):
    path = zip_of(tmp_path / "stolen.zip", **({"model__weights__h5": b"x"} | members))
    refused(path, text)


@pytest.mark.usefixtures("installed")
def test_an_encrypted_zip_is_refused_in_words(tmp_path):
    path = export_model("mine", tmp_path / "stolen.zip")
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(content)
    refused(path, "encrypted")


def entry(path, value):
    def change(data):
        *outer, last = path.split(".")
        for key in outer:
            data = data[key]
        data[last] = value

    return change


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "change",
    [
        *(entry("neck.depth", v) for v in (10**9, -1, True, 4.0, NAN, INFINITE, "4", None, [4])),
        *(entry("encoder.n_blocks", v) for v in (10**6, 0, False)),
        *(entry("encoder.block_depth", v) for v in (10**6, 0)),
        *(entry("m_f", v) for v in (10**9, -4, 10**40, 0.5)),
        *(entry("neck.n_filters", v) for v in (10**9, "8")),
        *(entry("neck.kernel_sizes", v) for v in ([3] * 1000, [999], [True], [], "333", 3)),
        *(entry("encoder.n_filters", v) for v in ([9] * 5000, [NAN] * 5, {"a": 1})),
        *(entry("pooling.factor", v) for v in (10**9, 1, NAN)),
        *(entry("pooling.type", v) for v in ("x" * 5000, ["max"], "\ud800")),
        *(entry("pixel_size_nm", v) for v in ([NAN, NAN], [1, INFINITE], [1], "12", [-1, 2])),
        *(entry("neck.dropout", {"active": True, "rate": v}) for v in (NAN, -1, 1, True, "x")),
        entry("neck.activation", {"type": "leaky_relu", "leak_slope": NAN}),
        entry("encoder.add_instead_of_concat", 3),
    ],
)
def test_odd_configurations_are_refused_in_one_line(golden, change):
    data = json.loads((golden / "published_width16.json").read_text())
    data["pooling"] = {"type": "max_pooling", "factor": 2}
    NetworkConfig.from_dict(data)
    change(data)
    with pytest.raises((ModelError, InvalidParameterError)) as caught:
        NetworkConfig.from_dict(data)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"m_f": 1' + "0" * 5000 + "}", "3", "null", ""])
def test_odd_files_of_configurations_are_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError):
        NetworkConfig.from_json(tmp_path / "config.json")


def test_a_network_is_counted_as_it_is_built(golden, golden_name):
    from deepsxt_core.network import build_network

    config = NetworkConfig.from_json(golden / f"{golden_name}.json")
    assert NetworkSize.of(config).parameters == build_network(config).count_params()
    assert NetworkSize.of(NetworkConfig.published()).parameters == 76_541_230
    with pytest.raises(InvalidParameterError, match="parameters must be at most"):
        NetworkConfig.published(256)


def test_listing_reads_a_bounded_part_of_a_card(installed):
    (installed.folder / CARD_NAME).write_bytes(b"x" * (3 * MOST_CARD_BYTES))
    assert len(find_model("mine").card) == MOST_CARD_BYTES


def test_a_name_from_outside_tells_nothing_about_the_disk(installed, tmp_path):
    told = set()
    for name in (str(installed.folder), str(tmp_path / "nowhere"), "x" * 5000, "a\0b"):
        with pytest.raises(ModelError) as caught:
            find_installed(name)
        told.add(str(caught.value).replace(repr(name[:200]), "NAME"))
    assert len(told) == 1
    with pytest.raises(ModelError, match="There is no model"):
        find_model("x" * 5000)


@pytest.mark.usefixtures("installed")
@pytest.mark.probe
def test_a_model_is_imported_by_a_process_of_its_own(tmp_path):
    """And this one, which may be the app, loads no Keras for it."""
    archive = export_model("mine", tmp_path / "again.zip")
    code = (
        "import sys; from deepsxt_core.network import import_model; "
        "info = import_model(sys.argv[1]); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules); print(info.name, info.card)"
    )
    command = [sys.executable, "-c", code, str(archive)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "again # Mine\n\n"
    both = [load_model(name).network.get_weights() for name in ("again", "mine")]
    for ours, theirs in zip(*both, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.probe
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
@pytest.mark.parametrize(
    ("code", "text", "seconds"),
    [
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL", 60),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV", 60),
        ("while True: pass", "longer than 1 s", 1),
        (
            "import sys; from deepsxt_core.io.limited import answer; "
            "sys.exit(answer(lambda: bytearray(1 << 30), 1 << 28, 9))",
            r"more than 0\.3 GB",
            60,
        ),
    ],
)
def test_what_happens_to_the_process_is_told(tmp_path, monkeypatch, code, text, seconds):
    monkeypatch.setattr(intake, "COMMAND", (sys.executable, "-c", code))
    monkeypatch.setattr(intake, "LIMITS", ProcessLimits(seconds=seconds, memory_bytes=1 << 28))
    path = tmp_path / "stolen.h5"
    path.write_bytes(b"x")
    refused(path, text)
    assert not list((tmp_path / "workspace" / "models").iterdir())


@pytest.mark.slow
def test_damaged_models_are_accepted_or_refused(tmp_path, monkeypatch):
    """A handful of those of ``make fuzz``."""
    monkeypatch.setenv("DEEPSXT_HOME", str(tmp_path / "home"))
    seeds = make_seeds(tmp_path)
    outcomes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in range(8 * len(KINDS)):
            case = tmp_path / f"case{index}"
            (case / "out").mkdir(parents=True)
            outcomes.add(import_case(make_case(index, 0, seeds, case), case / "out"))
        for index in range(500):
            outcomes.add(read_config_case(make_config_case(index, 0, tmp_path)))
    assert {"accepted", "ModelError", "WeightsMismatchError", "InvalidParameterError"} <= outcomes


@pytest.mark.usefixtures("installed")
def test_numbers_of_weights_are_those_of_the_file(tmp_path):
    """The guard changes nothing in what a good model says."""
    import_model(export_model("mine", tmp_path / "again.zip"))
    loaded = load_model("again").network.get_weights()
    for ours, theirs in zip(loaded, small_network().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_small_file_gets_little_time_and_the_published_weights_enough(tmp_path):
    """HDF5 reads some damaged lists of names for ever."""
    seconds = []
    for n_bytes in (400_000, 307_000_000):
        path = tmp_path / f"{n_bytes}.h5"
        with path.open("wb") as file:
            file.truncate(n_bytes)
        seconds.append(intake.LIMITS.seconds_for(path))
    assert seconds[0] <= 61
    assert seconds[1] >= 300
