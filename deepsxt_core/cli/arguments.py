"""The arguments of the command `deepsxt`."""

import argparse
from importlib.metadata import version
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.export.meshes import MESH_FORMATS, UNITS
from deepsxt_core.geometry import BINNINGS
from deepsxt_core.inference import PRECISIONS, ROTATIONS, TILINGS, SegmentParams
from deepsxt_core.network import CATALOGUE, DEFAULT_MODEL
from deepsxt_core.phantom import PRESETS
from deepsxt_core.surface import ProcessParams, ReconstructParams
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.volume import VoxelSize

INVERT = {"auto": None, "yes": True, "no": False}
FORMATS = [suffix.removeprefix(".") for suffix in MESH_FORMATS]


def _z_range(text: str) -> tuple[int, int | None]:
    first, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(end) if end else None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"give slices as FIRST:END, for example 10:60; got {text!r}"
        ) from None


def _shape(text: str) -> tuple[int, int, int]:
    try:
        depth, height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"give the shape as Z,Y,X, for example 64,384,384; got {text!r}"
        ) from None
    return depth, height, width


def _voxel_size(text: str) -> VoxelSize:
    try:
        lengths = [float(part) for part in text.split(",")]
        if len(lengths) == 1:
            return VoxelSize.isotropic(lengths[0])
        if len(lengths) == 3:
            return VoxelSize(*lengths)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"give the voxel size in nm as one number or as Z,Y,X, all above 0; got {text!r}"
    )


def _formats(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names or not set(names) <= set(FORMATS):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(FORMATS)}; got {text!r}")
    return names


def _ids(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"give object numbers with commas between, for example 2,7; got {text!r}"
        ) from None


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command `deepsxt`; its `command` names what to do."""
    parser = argparse.ArgumentParser(
        prog="deepsxt",
        description="Segment cryo soft X-ray tomograms and turn their membranes into surfaces.",
    )
    parser.add_argument("--version", action="version", version=f"deepsxt {version('deepsxt')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    input_file = argparse.ArgumentParser(add_help=False)
    input_file.add_argument("input", type=Path, help="tomogram: TIFF, MRC, HDF5, OME-Zarr, …")
    input_file.add_argument("--dataset", help="name of the dataset inside an HDF5 file")
    input_file.add_argument(
        "--voxel-size-nm",
        type=_voxel_size,
        metavar="NM",
        help="voxel size in nm, one number or Z,Y,X (default: from the file)",
    )

    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print one JSON object on stdout")

    segmentation = argparse.ArgumentParser(add_help=False)
    group = segmentation.add_argument_group("segmentation")
    group.add_argument("--model", default=DEFAULT_MODEL, help="name or folder (%(default)s)")
    group.add_argument(
        "--z",
        type=_z_range,
        default=(0, None),
        metavar="FIRST:END",
        help="slices (all), counted after --crop and --bin",
    )
    group.add_argument(
        "--crop",
        metavar="Z0:Z1,Y0:Y1,X0:X1",
        help="keep these voxels of the tomogram (all); an end may be left out",
    )
    group.add_argument(
        "--bin",
        type=int,
        choices=BINNINGS,
        default=1,
        help="voxels averaged into one along each axis (%(default)s)",
    )
    group.add_argument(
        "--rescale",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show the slices to the network at a pixel size that it knows, where theirs is more "
        "than 20 %% off",
    )
    group.add_argument(
        "--rotations",
        type=int,
        choices=ROTATIONS,
        default=SegmentParams().rotations,
        help="rotated and mirrored views whose scores are averaged (%(default)s)",
    )
    group.add_argument(
        "--invert",
        choices=tuple(INVERT),
        default="auto",
        help="whether membranes are brighter than their surroundings (%(default)s)",
    )
    group.add_argument("--tiling", choices=TILINGS, default="full", help="(%(default)s)")
    group.add_argument("--precision", choices=PRECISIONS, default="auto", help="(%(default)s)")

    cluster = argparse.ArgumentParser(add_help=False)
    cluster.add_argument(
        "--scheduler",
        default=settings.scheduler(),
        metavar="ADDRESS",
        help="of a Dask cluster to score on, such as tcp://node1:8786 (default: "
        "DEEPSXT_SCHEDULER, or this computer alone)",
    )

    threshold = argparse.ArgumentParser(add_help=False)
    threshold.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        help="score above which a voxel is membrane, from -1 to below 1 (%(default)s)",
    )

    surface = argparse.ArgumentParser(add_help=False)
    group = surface.add_argument_group("surface")
    defaults = ReconstructParams()
    group.add_argument(
        "--smoothing-voxels",
        type=float,
        default=defaults.smoothing_voxels,
        help="width of the smoothing of the score, in voxels (%(default)s)",
    )
    group.add_argument(
        "--close-gap-voxels",
        type=int,
        default=defaults.close_gap_voxels,
        help="close gaps up to about twice as wide (%(default)s)",
    )
    group.add_argument(
        "--fill-lumens",
        action="store_true",
        help="count what an object encloses as its inside",
    )
    group.add_argument(
        "--split-voxels",
        type=float,
        default=defaults.split_voxels,
        help="part bodies that touch where a neck is this much narrower, 0 for never (%(default)s)",
    )
    group.add_argument(
        "--merge",
        type=_ids,
        action="append",
        default=[],
        metavar="ID,ID",
        help="count these objects as one; may be given several times",
    )
    group.add_argument(
        "--each-label",
        action="store_true",
        help="make an object of each value of a label file",
    )
    group.add_argument(
        "--min-voxels",
        type=int,
        default=defaults.min_voxels,
        help="leave out objects of fewer voxels (%(default)s)",
    )
    group.add_argument(
        "--min-volume-um3",
        type=float,
        default=defaults.min_volume_um3,
        help="leave out objects of a smaller volume in µm³ (%(default)s)",
    )
    group.add_argument(
        "--taubin-iterations",
        type=int,
        default=defaults.taubin_iterations,
        help="rounds of mesh smoothing, 0 for none (%(default)s)",
    )
    group.add_argument(
        "--decimate-to",
        type=float,
        default=defaults.decimate_to,
        help="fraction of the faces to keep (%(default)s)",
    )
    group.add_argument(
        "--decimate-error-voxels",
        type=float,
        default=defaults.decimate_error_voxels,
        help="how far fewer faces may move the surface, in voxels (%(default)s)",
    )
    meshes = argparse.ArgumentParser(add_help=False)
    meshes.add_argument(
        "--formats",
        type=_formats,
        default=["stl"],
        help=f"comma-separated, from {', '.join(FORMATS)} (stl)",
    )
    meshes.add_argument(
        "--unit",
        choices=tuple(UNITS),
        help="of the coordinates in the mesh files (µm, or voxels where their size is not known)",
    )

    meshes.add_argument(
        "--instances",
        type=Path,
        metavar="FILE",
        help="also write the number of the object at each voxel: .tif, .mrc, .ome.zarr, …",
    )
    meshes.add_argument(
        "--objects",
        type=_ids,
        metavar="ID,ID",
        help="write the meshes of these objects alone (default: all)",
    )

    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for results")

    run = commands.add_parser(
        "run",
        parents=[input_file, out, segmentation, cluster, threshold, surface, meshes, as_json],
        help="do everything: segment, reconstruct, write meshes",
    )
    run.add_argument(
        "--bundle", action="store_true", help="also write DIR/bundle.zip, as the command export"
    )
    commands.add_parser(
        "segment",
        parents=[input_file, out, segmentation, cluster, threshold, as_json],
        help="score a tomogram and write score and mask",
    )
    commands.add_parser(
        "reconstruct",
        parents=[input_file, out, threshold, surface, meshes, as_json],
        help="turn a score (score.ome.zarr) or a mask file into meshes",
    )
    measure = commands.add_parser(
        "measure",
        parents=[input_file, out, threshold, surface, as_json],
        help="measure the objects in a score (score.ome.zarr) or a mask file",
    )
    export = commands.add_parser(
        "export",
        parents=[input_file, threshold, surface, as_json],
        help="write tomogram, mask, objects, meshes and tables into one zip for Fiji and ChimeraX",
    )
    export.add_argument(
        "--score",
        type=Path,
        required=True,
        metavar="PATH",
        help="what was segmented in the tomogram: score.ome.zarr, or a mask file",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    measure.add_argument(
        "--tomogram",
        type=Path,
        metavar="FILE",
        help="what was segmented, for the mean grey value in each object",
    )
    group = measure.add_argument_group("thin processes, such as filopodia")
    group.add_argument(
        "--min-aspect",
        type=float,
        default=ProcessParams().min_aspect,
        help="how many times as long as thick they are (%(default)s)",
    )
    group.add_argument(
        "--max-process-diameter",
        type=float,
        metavar="UM",
        help="thicker parts of an object do not belong to them, such as a cell that they grow "
        "from; in µm, or in voxels where their size is not known (no limit)",
    )
    info = commands.add_parser("info", parents=[input_file, as_json], help="tell what a file holds")
    info.add_argument(
        "--health",
        action="store_true",
        help="look at the voxels too: contrast, borders, noise, missing wedge, …",
    )
    evaluate = commands.add_parser(
        "evaluate", parents=[threshold, as_json], help="compare a score or a mask with the truth"
    )
    evaluate.add_argument("prediction", type=Path, help="score.ome.zarr, or a mask or label file")
    evaluate.add_argument(
        "truth", type=Path, help="mask or label file; every value but 0 is membrane"
    )
    compared = EvaluateParams()
    tolerance = evaluate.add_mutually_exclusive_group()
    tolerance.add_argument(
        "--tolerance-px",
        type=float,
        default=compared.tolerance_px,
        help="distance within a slice that counts as agreement, in pixels (%(default)s)",
    )
    tolerance.add_argument("--tolerance-nm", type=float, help="the same in nm")
    evaluate.add_argument(
        "--ignore-label", type=int, metavar="N", help="value of the truth where nobody has judged"
    )
    evaluate.add_argument(
        "--voxel-size-nm",
        type=_voxel_size,
        metavar="NM",
        help="voxel size in nm, one number or Z,Y,X (default: from the files)",
    )
    phantom = commands.add_parser(
        "phantom", parents=[as_json], help="simulate a tomogram with known truth"
    )
    phantom.add_argument("--out", type=Path, required=True, metavar="FILE.tif")
    phantom.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    phantom.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        help="measure the cell with a microscope like this one (default: a quick sample, painted)",
    )
    phantom.add_argument(
        "--shape", type=_shape, metavar="Z,Y,X", help="in voxels (default: as the preset)"
    )
    phantom.add_argument("--voxel-size-nm", type=float, help="edge (default: as the preset)")
    phantom.add_argument(
        "--tilt-range-deg", type=float, help="highest tilt (default: as the preset)"
    )
    phantom.add_argument(
        "--photons", type=float, help="per pixel and tilt, open beam (default: as the preset)"
    )
    _add_training(commands, as_json)
    models = commands.add_parser("models", help="the model library")
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[as_json], help="list the models, installed or not")
    action = actions.add_parser("install", parents=[as_json], help="download a model")
    action.add_argument("name", help=f"one of {', '.join(CATALOGUE)}")
    action = actions.add_parser("import", parents=[as_json], help="add a model from a file")
    action.add_argument("file", type=Path, help=".h5, .weights.h5, .keras or .zip")
    action.add_argument(
        "--config", type=Path, metavar="JSON", help="of its network (default: the published one)"
    )
    action.add_argument("--name", help="(default: from the file name)")
    action = actions.add_parser("export", parents=[as_json], help="write a model as a zip file")
    action.add_argument("name")
    action.add_argument("file", type=Path, metavar="FILE.zip")
    action = actions.add_parser("remove", parents=[as_json], help="delete an installed model")
    action.add_argument("name")
    action = actions.add_parser("info", parents=[as_json], help="show the card of a model")
    action.add_argument("name")
    batch = commands.add_parser(
        "batch", parents=[out, cluster, as_json], help="apply one recipe to many tomograms"
    )
    batch.add_argument("files", type=Path, nargs="+", help="tomograms: TIFF, MRC or HDF5")
    batch.add_argument(
        "--recipe",
        type=Path,
        required=True,
        metavar="TOML",
        help="[segment] [reconstruct] [export]",
    )
    again = commands.add_parser(
        "rerun",
        parents=[as_json],
        help="repeat a segmentation and say whether the result is the same (exit code 1 if not)",
    )
    again.add_argument("run", type=Path, metavar="RUN_JSON")
    again.add_argument("--out", type=Path, metavar="DIR", help="keep the new result here")
    jobs = commands.add_parser("jobs", help="long work in the workspace of the app")
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[as_json], help="list the jobs, newest first")
    for name, text in (
        ("show", "tell all about a job, with what it printed"),
        ("cancel", "stop a job; its finished slices are kept"),
        ("resume", "go on with a job that was cancelled, failed or interrupted"),
    ):
        action = actions.add_parser(name, parents=[as_json], help=text)
        action.add_argument("id")
    action = actions.add_parser(
        "clean", parents=[as_json], help="forget jobs that have ended; results stay"
    )
    action.add_argument(
        "--all", action="store_true", help="those too whose finished slices wait for a resume"
    )
    app = commands.add_parser("app", help="start the web app")
    app.add_argument("--port", type=int, default=8501, help="(%(default)s)")
    app.add_argument(
        "--address",
        default="localhost",
        help="0.0.0.0 opens it to the network: see DEEPSXT_ALLOWED_HOSTS (%(default)s)",
    )
    return parser


def _add_training(commands: "argparse._SubParsersAction", as_json: argparse.ArgumentParser) -> None:
    defaults = TrainingParams()
    training = argparse.ArgumentParser(add_help=False)
    training.add_argument(
        "data", type=Path, metavar="FOLDER", help="NAME.tif with NAME.labels.tif, or without"
    )
    training.add_argument("--name", help="of the new model (default: that of the folder)")
    training.add_argument(
        "--check", action="store_true", help="only check the data and tell how it is split"
    )
    group = training.add_argument_group("data")
    group.add_argument(
        "--ignore-label",
        type=int,
        metavar="VALUE",
        help="label of pixels that nobody has judged (default: 128 beside 0, 1 and 255)",
    )
    group.add_argument(
        "--invert",
        choices=tuple(INVERT),
        default="auto",
        help="whether membranes are brighter than their surroundings (%(default)s)",
    )
    group.add_argument(
        "--held-back",
        type=float,
        default=defaults.split.fraction,
        metavar="FRACTION",
        help="part of the labelled data to measure on (%(default)s)",
    )
    group = training.add_argument_group("training")
    group.add_argument(
        "--minutes",
        type=float,
        help=f"budget of time (default: {defaults.minutes:g}, or none with --steps)",
    )
    group.add_argument("--steps", type=int, help="budget of batches (default: none)")
    group.add_argument("--batch-size", type=int, default=defaults.batch_size, help="(%(default)s)")
    group.add_argument(
        "--crop-px", type=int, default=defaults.crop_px, help="side of a crop (%(default)s)"
    )
    group.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help="(%(default)s)"
    )
    group.add_argument(
        "--positive-weight",
        type=float,
        default=defaults.positive_weight,
        help="of a membrane pixel in the loss, against 1 for the rest (%(default)s)",
    )
    group.add_argument(
        "--augmentation",
        type=float,
        default=defaults.augmentation,
        help="how much grey values are varied, from 0 (%(default)s)",
    )
    group.add_argument(
        "--rehearsal",
        type=float,
        default=defaults.rehearsal,
        metavar="FRACTION",
        help="part of each labelled batch that is simulated (%(default)s)",
    )
    group.add_argument(
        "--invert-chance",
        type=float,
        default=defaults.invert_chance,
        metavar="FRACTION",
        help="how often a crop is shown with bright membranes (%(default)s)",
    )
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="end after N measurements without a better one, where enough is held back to tell "
        "(default: never)",
    )
    group.add_argument("--seed", type=int, default=defaults.seed, help="(%(default)s)")
    finetune = commands.add_parser(
        "finetune", parents=[training, as_json], help="train a model further on own labels"
    )
    finetune.add_argument("--base", default=DEFAULT_MODEL, help="name or folder (%(default)s)")
    train = commands.add_parser(
        "train", parents=[training, as_json], help="train a compact model from fresh weights"
    )
    train.add_argument(
        "--base",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help="name or folder of a model to compare with (%(default)s)",
    )
