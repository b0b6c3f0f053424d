"""What whole processes cost: surfaces, start-up, reading, a tomogram from end to end, training."""

import tempfile
from pathlib import Path

from benchmarks.segment_memory import write_tomogram
from benchmarks.suite.measuring import Cost, Row, Section, least, told, whole
from benchmarks.surfaces import SIZE, shells

_CLI = ["-m", "deepsxt_core.cli"]


def surfaces() -> Section:
    """Compare ``deepsxt reconstruct`` with the published recipe, both as whole processes."""
    from deepsxt_core.io import write_tiff
    from deepsxt_core.volume import Volume

    with tempfile.TemporaryDirectory() as name:
        mask = Path(name) / "mask.tif"
        write_tiff(Volume.from_array(shells((128, 512, 512), 250, 17, 4.2), SIZE), mask)
        recipe = whole(["-m", "benchmarks.suite.recipe", str(mask), f"{name}/recipe.obj"])
        command = [*_CLI, "reconstruct", str(mask), "--out", f"{name}/out"]
        ours = least([whole(command) for _ in range(2)])
        smooth = whole([*command, "--taubin-iterations", "0"])
    rows = [
        Row("the published recipe, 128 × 512 × 512, 250 shells, to OBJ", recipe),
        Row("deepsxt reconstruct, to STL", ours),
        Row("deepsxt reconstruct without smoothing of the mesh", smooth),
    ]
    return Section(
        rows, {"deepsxt reconstruct, against the published recipe": recipe.cpu_s / ours.cpu_s}
    )


def start() -> Section:
    """Measure what must happen before anything else does."""
    commands = {
        "import deepsxt_core": ["-c", "import deepsxt_core"],
        "deepsxt --help": [*_CLI, "--help"],
        "a worker that scores: its imports": [
            *("-c", "import deepsxt_core.jobs.worker, deepsxt_core.inference.openvino_runtime"),
        ],
        "import tensorflow": ["-c", "import tensorflow"],
    }
    costs = {what: least([whole(command) for _ in range(3)]) for what, command in commands.items()}
    tensorflow = costs["import tensorflow"].cpu_s
    ratios = {
        f"{what}, against import tensorflow": tensorflow / cost.cpu_s
        for what, cost in costs.items()
        if what != "import tensorflow"
    }
    return Section([Row(what, cost) for what, cost in costs.items()], ratios)


def reading() -> Section:
    """Compare our reading, slice by slice, with mrcfile's of the whole file at once."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tomogram.mrc"
        write_tomogram(path, (128, 512, 512))
        module = "benchmarks.suite.read_volume"
        plain, ours = (Cost(**told([module, how, str(path)])) for how in ("plain", "ours"))
    rows = [
        Row("mrcfile, 128 × 512 × 512 float32 at once", plain),
        Row("Volume.read, slice by slice", ours),
    ]
    ratios = {"reading in time, against mrcfile": plain.cpu_s / ours.cpu_s}
    return Section(
        rows, ratios | {"reading in memory, against mrcfile": plain.peak_mb / ours.peak_mb}
    )


def tomogram(slices: int = 300, side: int = 1000) -> Section:
    """Segment a tomogram of float32 from end to end: reading and writing included."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tomogram.mrc"
        write_tomogram(path, (slices, side, side))
        found = told(["benchmarks.suite.end_to_end", str(path), f"{name}/out"])
    cost = Cost(found["cpu_s"], found["wall_s"], found["peak_mb"])
    note = f"the network at work {found['busy']:.0%} of the time"
    rows = [Row(f"segment, {slices} × {side} × {side} float32", cost, note)]
    return Section(rows, {"share of the time in which the network works": found["busy"]})


def training() -> Section:
    """Compare a step of the training with the same one written out and run eagerly."""
    found = told(["benchmarks.suite.training_step"])
    eager, ours = (Cost(**found[name]) for name in ("eager", "ours"))
    rows = [
        Row("bundled, one step of 4 × 256², eager", eager),
        Row("bundled, one step of 4 × 256², as trained", ours),
    ]
    return Section(rows, {"a step of training, against an eager one": eager.cpu_s / ours.cpu_s})
