"""The command `deepsxt`: parses arguments, calls the pipeline, prints what came of it.

Exit codes: 0 done, 1 an error that the user can act on (one line on stderr), 2 wrong usage,
130 interrupted.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from deepsxt_core.cli.arguments import INVERT, build_parser
from deepsxt_core.errors import DeepSXTError, InvalidParameterError, ModelError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.files import read_json, safe_name
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import (
    SCORE_NAME,
    is_score,
    list_datasets,
    looks_like_labels,
    open_score,
    open_volume,
    require_labels,
)
from deepsxt_core.io.spool import remembered
from deepsxt_core.network import (
    CATALOGUE,
    ModelInfo,
    NetworkConfig,
    export_model,
    find_model,
    import_model,
    install,
    list_models,
    load_model,
    new_model_folder,
    remove_model,
)
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces
from deepsxt_core.surface.measure.processes import process_columns
from deepsxt_core.surface.measure.quantities import table
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize

Report = dict[str, Any]
_OBJECTS_SHOWN = 20
_DISTANCES = (("mean", "mean"), ("95 % within", "hausdorff_95"), ("Hausdorff", "hausdorff"))


class TqdmProgress:
    """Shows each stage as a bar on stderr."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def stage(self, name: str, total: int, unit: str) -> None:
        """Close the last bar and open the next."""
        self.close()
        self._bar = tqdm(total=total, desc=name, unit=unit, file=sys.stderr, dynamic_ncols=True)

    def advance(self, n: int = 1) -> None:
        """Move the bar on."""
        if self._bar is not None:
            self._bar.update(n)

    def close(self) -> None:
        """Close the bar that is open."""
        if self._bar is not None:
            self._bar.close()


@contextlib.contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    """Hide what TensorFlow's C++ code writes to stderr on import, before any log level counts."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _import_keras_silently() -> None:
    with _native_stderr_silenced():
        import keras  # noqa: F401


def _open(args: argparse.Namespace) -> Volume:
    volume = open_volume(args.input, dataset=args.dataset, voxel_size_nm=args.voxel_size_nm)
    for warning in volume.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    return volume


def _segment_to(
    args: argparse.Namespace, progress: TqdmProgress, volume: Volume
) -> tuple[Score, Report]:
    from deepsxt_core.workflow import segmentation

    params = SegmentParams(
        z0=args.z[0],
        z1=args.z[1],
        crop=args.crop,
        bin=args.bin,
        rescale=args.rescale,
        tiling=args.tiling,
        precision=args.precision,
        rotations=args.rotations,
        invert=INVERT[args.invert],
    )
    Score.threshold_code(args.threshold)
    with _native_stderr_silenced():
        model = load_model(args.model)
    score = segmentation.segment(
        volume, model, args.out, params, progress, scheduler=args.scheduler
    )
    mask = args.out / "mask.tif"
    marked = write_mask(score, args.threshold, mask)
    record = json.loads((args.out / segmentation.RUN_NAME).read_text(encoding="utf-8"))
    return score, {
        "score": str(args.out / SCORE_NAME),
        "mask": str(mask),
        "shape": list(score.volume.shape),
        "voxel_size_nm": record["input"]["voxel_size_nm"],
        "origin_nm": list(score.placed.origin_nm),
        "positive_fraction": marked,
        "inverted": record["inverted"],
        "model": record["model"]["name"],
        "device": record["device"],
        "precision": record["precision"],
        "seconds": record["seconds"],
        "warnings": record["warnings"],
    }


def _reconstruct_to(
    source: Score | Mask,
    args: argparse.Namespace,
    progress: TqdmProgress,
    tomogram: Volume | None = None,
    bundle: Path | None = None,
) -> tuple[Surfaces, Report]:
    from deepsxt_core.workflow.surface_files import SurfaceFiles, reconstruct_to

    wanted = SurfaceFiles(
        formats=tuple(args.formats),
        unit=args.unit,
        objects=tuple(args.objects or ()),
        instances=args.instances,
        bundle=bundle,
    )
    mask = args.out / "mask.tif"
    surfaces, files = reconstruct_to(
        *(args.out, source, _reconstruct_params(args), wanted, progress),
        tomogram=tomogram,
        mask=open_volume(mask) if bundle and mask.is_file() else None,
        records=_segment_record(source),
    )
    return surfaces, surfaces.summary() | {"files": [str(path) for path in files]}


def _segment_record(source: Score | Mask) -> dict[str, Report]:
    """Return the record of the segmentation, where it lies beside the score."""
    made_from = source.volume.path
    segmented = read_json(made_from.parent / "run.json") if made_from else None
    return {} if segmented is None else {"segment": segmented}


def _reconstruct_params(args: argparse.Namespace) -> ReconstructParams:
    return ReconstructParams(
        threshold=args.threshold,
        smoothing_voxels=args.smoothing_voxels,
        close_gap_voxels=args.close_gap_voxels,
        fill_lumens=args.fill_lumens,
        split_voxels=args.split_voxels,
        merge=tuple(args.merge),
        each_label=args.each_label,
        min_voxels=args.min_voxels,
        min_volume_um3=args.min_volume_um3,
        taubin_iterations=args.taubin_iterations,
        decimate_to=args.decimate_to,
        decimate_error_voxels=args.decimate_error_voxels,
    )


def _run(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    with contextlib.ExitStack() as stack:
        volume = _open(args)
        if args.bundle and args.scheduler is None:
            # The bundle shows the tomogram too: so each slice is read once.
            args.out.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(
                tempfile.TemporaryDirectory(dir=args.out, prefix=".tomogram-")
            )
            volume = remembered(volume, Path(scratch) / "voxels")
        score, segmented = _segment_to(args, progress, volume)
        surfaces, reconstructed = _reconstruct_to(
            score, args, progress, volume, args.out / BUNDLE_NAME if args.bundle else None
        )
    progress.close()
    _tell(args, _segment_text(segmented) + _surface_text(surfaces, reconstructed))
    return {"segment": segmented, "reconstruct": reconstructed}


def _export(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.workflow.surface_files import SurfaceFiles, reconstruct_to

    source = _open_score_or_mask(args.score, args.voxel_size_nm)
    tomogram = open_volume(args.input, dataset=args.dataset, voxel_size_nm=args.voxel_size_nm)
    surfaces, (path,) = reconstruct_to(
        args.out.parent,
        source,
        _reconstruct_params(args),
        SurfaceFiles(formats=(), bundle=args.out),
        progress,
        tomogram=tomogram,
        records=_segment_record(source),
    )
    report = surfaces.summary() | {"files": [str(path)]}
    progress.close()
    _tell(args, [f"Bundle {path}, {path.stat().st_size / 1e6:.1f} MB"])
    return report


def _segment(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    _, report = _segment_to(args, progress, _open(args))
    progress.close()
    _tell(args, _segment_text(report))
    return report


def _reconstruct(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    surfaces, report = _reconstruct_to(_source(args), args, progress)
    progress.close()
    _tell(args, _surface_text(surfaces, report))
    return report


def _measure(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.workflow import pipeline

    source = _source(args)
    tomogram = open_volume(args.tomogram) if args.tomogram else None
    processes = ProcessParams(min_aspect=args.min_aspect, max_diameter=args.max_process_diameter)
    result = pipeline.measure(
        source, _reconstruct_params(args), processes, progress, tomogram=tomogram
    )
    files = result.write(args.out)
    surfaces = result.surfaces
    report = surfaces.summary() | {"files": [str(path) for path in files]}
    progress.close()
    lines = _surface_text(surfaces, report | {"files": []})
    _tell(args, [*lines, *_process_text(result), *(f"Table  {path}" for path in files)])
    return report | {
        "table": table(result.objects, surfaces.unit),
        "totals": result.totals(),
        "processes": process_columns(result.processes, surfaces.unit),
    }


def _process_text(result: Measurements) -> list[str]:
    unit = result.surfaces.unit
    lines = [f"{len(result.processes)} thin processes"] if result.processes else []
    lines += [
        f"  {each.object:4}.{each.branch}  length {each.length:10.4g} {unit}   "
        f"diameter {each.diameter:8.4g} {unit}"
        for each in result.processes[:_OBJECTS_SHOWN]
    ]
    if len(result.processes) > _OBJECTS_SHOWN:
        lines.append(f"  and {len(result.processes) - _OBJECTS_SHOWN} more")
    return lines


def _source(args: argparse.Namespace) -> Score | Mask:
    if not is_score(args.input):
        return Mask(_open(args))
    return _open_score_or_mask(args.input, args.voxel_size_nm)


def _open_score_or_mask(path: Path, voxel_size_nm: VoxelSize | None) -> Score | Mask:
    if not is_score(path):
        return Mask(open_volume(path, voxel_size_nm=voxel_size_nm))
    score = open_score(path)
    if voxel_size_nm is None:
        return score
    return Score(score.volume.with_voxel_size(voxel_size_nm), score.first_slice)


def _info(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.preprocessing import check_health
    from deepsxt_core.workflow.segmentation import describe

    volume = _open(args)
    report = describe(volume) | {"labels": looks_like_labels(volume)}
    size = volume.voxel_size_nm
    lines = [
        f"{args.input}: {volume.format}"
        + (f", dataset {volume.dataset}" if volume.dataset else ""),
        f"  size        {' × '.join(map(str, volume.shape))} voxels (z, y, x), {volume.dtype}",
        "  voxel size  "
        + (f"{size.z:g} × {size.y:g} × {size.x:g} nm (z, y, x)" if size else "not in the file"),
    ]
    if size:
        extent = [n * edge / 1000 for n, edge in zip(volume.shape, size, strict=True)]
        lines.append("  extent      " + " × ".join(f"{length:.3g}" for length in extent) + " µm")
    if any(volume.origin_nm):
        places = " × ".join(f"{place:g}" for place in volume.origin_nm)
        lines.append(f"  origin      {places} nm (z, y, x)")
    if report["labels"]:
        lines.append("  content     labels: few integers in flat regions, no grey values")
    if volume.geometry.is_mirrored:
        lines.append("  axes        " + ", ".join(volume.axes) + ": mirrored")
    datasets = list_datasets(args.input)
    if len(datasets) > 1:
        lines.append("  datasets    " + ", ".join(name for name, *_ in datasets))
    if args.health:
        health = check_health(volume, progress)
        progress.close()
        report["health"] = health.to_dict()
        marks = {"ok": " ", "notice": "!", "warning": "‼"}
        lines += ["", "health", *(f"  {marks[each.level]} {each}" for each in health.findings)]
    _tell(args, lines)
    return report


def _phantom(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.io import write_tiff
    from deepsxt_core.phantom import sample_tomogram

    options = {
        name: value
        for name in ("shape", "voxel_size_nm", "tilt_range_deg", "photons")
        if (value := getattr(args, name)) is not None
    }
    if args.preset is not None:
        return _measured_phantom(args, options, progress)
    if options:
        names = ", ".join("--" + name.replace("_", "-") for name in options)
        raise InvalidParameterError(
            f"The quick sample has no {names}: choose a microscope by --preset."
        )
    truth_path = args.out.with_name(f"{args.out.stem}.truth.tif")
    progress.stage("Simulating", 1, "tomogram")
    array, truth, voxel_size_nm = sample_tomogram(args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_tiff(Volume.from_array(array, voxel_size_nm), args.out)
    write_tiff(Volume.from_array(truth.astype("uint8"), voxel_size_nm), truth_path)
    progress.advance()
    progress.close()
    _tell(args, [f"{args.out}: {' × '.join(map(str, array.shape))} voxels; truth: {truth_path}"])
    return {"tomogram": str(args.out), "truth": str(truth_path), "shape": list(array.shape)}


def _measured_phantom(
    args: argparse.Namespace, options: dict[str, Any], progress: TqdmProgress
) -> Report:
    from deepsxt_core.phantom import PRESETS
    from deepsxt_core.workflow.simulation import write_phantom

    files = write_phantom(
        replace(PRESETS[args.preset], seed=args.seed, **options), args.out, progress
    )
    progress.close()
    shape = options.get("shape", PRESETS[args.preset].shape)
    _tell(
        args,
        [f"{args.out}: {' × '.join(map(str, shape))} voxels"]
        + [f"{name:10} {path}" for name, path in files.items()],
    )
    return {name: str(path) for name, path in files.items()} | {"shape": list(shape)}


def _evaluate(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.workflow.pipeline import evaluate

    truth = open_volume(args.truth)
    require_labels(truth)
    params = EvaluateParams(
        threshold=args.threshold,
        tolerance_px=args.tolerance_px,
        tolerance_nm=args.tolerance_nm,
        ignore_label=args.ignore_label,
    )
    prediction = _open_score_or_mask(args.prediction, args.voxel_size_nm)
    if isinstance(prediction, Mask):
        require_labels(prediction.volume)
    report = evaluate(prediction, Mask(truth), params, progress).report()
    progress.close()
    _tell(args, _evaluation_text(report))
    return report


def _evaluation_text(report: Report) -> list[str]:
    def rows(names: Sequence[str], prefix: str = "") -> list[str]:
        return [f"  {name:21}{report[prefix + name]:.3f}" for name in names]

    voxels = report["voxels"]
    lengths = ((report["tolerance_px"], "px"), (report["tolerance_nm"], "nm"))
    tolerance = " = ".join(f"{length:g} {unit}" for length, unit in lengths if length is not None)
    lines = [
        "Voxels" + (f" above {report['threshold']:g}" if report["threshold"] is not None else ""),
        *rows(("accuracy", "precision", "recall", "f1", "iou")),
        f"  {voxels['true_positive']:,} right, {voxels['false_positive']:,} wrongly marked, "
        f"{voxels['false_negative']:,} missed"
        + (f", {voxels['ignored']:,} ignored" if voxels["ignored"] else ""),
        f"Within {tolerance} in the slice",
        *rows(("precision", "recall", "f1"), "tolerant_"),
    ]
    if distances := report["surface_distances"]:
        lines += [f"Distance of the surfaces, in {distances['unit']}"]
        lines += [f"  {label:21}{distances[key]:.4g}" for label, key in _DISTANCES]
    if curve := report["precision_recall"]:
        lines += [
            f"Best F1 {curve['best_f1']:.3f} at threshold {curve['best_threshold']:.2f}; "
            f"average precision {curve['average_precision']:.3f}"
        ]
    return lines


def _train(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.training.datasets import DataParams, open_training_set
    from deepsxt_core.training.params import TrainingParams
    from deepsxt_core.training.splits import SplitParams, split

    minutes = TrainingParams().minutes if args.steps is None else None
    params = TrainingParams(
        minutes=minutes if args.minutes is None else args.minutes,
        steps=args.steps,
        batch_size=args.batch_size,
        crop_px=args.crop_px,
        learning_rate=args.learning_rate,
        positive_weight=args.positive_weight,
        augmentation=args.augmentation,
        rehearsal=args.rehearsal,
        invert_chance=args.invert_chance,
        patience=args.patience,
        seed=args.seed,
        split=SplitParams(fraction=args.held_back, seed=args.seed),
    )
    name = safe_name(args.name or args.data.resolve().name)
    out = None if args.check else new_model_folder(name)
    data = open_training_set(
        args.data,
        DataParams(ignore_label=args.ignore_label, invert=INVERT[args.invert]),
        progress,
    )
    parts = split(data, params.split)
    report: Report = {
        "data": data.counts(),
        "held_back": parts.rule,
        "training_blocks": len(parts.training),
        "validation_blocks": len(parts.validation),
    }
    if out is None:
        progress.close()
        _tell(args, _training_data_text(report))
        return report
    with _native_stderr_silenced():
        from deepsxt_core.network.compact import compact_config
        from deepsxt_core.training import finetune as training

        base = load_model(args.base)
    if args.command == "train":
        result = training.train(compact_config(), base, data, params, out, progress)
    else:
        result = training.finetune(base, data, params, out, progress)
    progress.close()
    _tell(
        args,
        [
            *_training_data_text(report),
            f"{result.steps} steps in {result.seconds / 60:.1f} minutes, {result.choice}",
            result.verdict,
            f"Model  {result.info.folder}",
        ],
    )
    return report | {
        "name": result.info.name,
        "folder": str(result.info.folder),
        "base": result.base,
        "steps": result.steps,
        "best_step": result.best_step,
        "chosen": result.chosen,
        "seconds": round(result.seconds, 1),
        "continued_from": result.continued_from,
        "scores": result.scores,
        "base_scores": result.base_scores,
        "better": result.is_better,
    }


def _training_data_text(report: Report) -> list[str]:
    data = report["data"]
    return [
        f"{data['files']} files: {data['labelled_slices']} labelled and "
        f"{data['unlabelled_slices']} unlabelled slices, {data['membrane_px']:,} membrane pixels",
        f"Measured on {report['validation_blocks']} blocks: {report['held_back']}",
    ] + ([f"Inverted: {', '.join(data['inverted'])}"] if data["inverted"] else [])


def _models(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    return _MODEL_ACTIONS[args.action](args, progress)


def _models_install(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    if args.name not in CATALOGUE:
        raise ModelError(f"{args.name!r} is not in the catalogue: {', '.join(CATALOGUE)}.")
    return _installed(args, install(CATALOGUE[args.name], progress), progress)


def _models_import(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    config = NetworkConfig.from_json(args.config) if args.config else None
    with _native_stderr_silenced():
        info = import_model(args.file, config=config, name=args.name)
    return _installed(args, info, progress)


def _installed(args: argparse.Namespace, info: ModelInfo, progress: TqdmProgress) -> Report:
    progress.close()
    _tell(args, [f"Installed {info.name} in {info.folder}"])
    return {"name": info.name, "folder": str(info.folder), "sha256": info.sha256()}


def _models_export(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    path = export_model(args.name, args.file)
    _tell(args, [f"Wrote {path}"])
    return {"file": str(path)}


def _models_remove(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    remove_model(args.name)
    _tell(args, [f"Removed {args.name}"])
    return {"name": args.name}


def _models_info(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    info = find_model(args.name)
    _tell(args, [info.card, f"SHA-256 {info.sha256()}"])
    return {
        "name": info.name,
        "folder": str(info.folder),
        "card": info.card,
        "sha256": info.sha256(),
    }


def _models_list(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    models = list_models()
    names = {info.name for info in models}
    available = [entry for entry in CATALOGUE.values() if entry.name not in names]
    lines = [f"{info.name:24} {info.folder}" for info in models]
    lines += [f"{entry.name:24} to install: {entry.size_mb} MB" for entry in available]
    _tell(args, lines)
    return {
        "models": [{"name": info.name, "folder": str(info.folder)} for info in models],
        "available": [{"name": entry.name, "size_mb": entry.size_mb} for entry in available],
    }


def _jobs(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    from deepsxt_core.cli.jobs import jobs_command

    lines, report = jobs_command(args)
    _tell(args, lines)
    return report


def _batch(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.cli.jobs import batch_command

    _import_keras_silently()
    lines, report = batch_command(args, progress)
    progress.close()
    _tell(args, lines)
    args.exit_code = 1 if report["failed"] else 0
    return report


def _rerun(args: argparse.Namespace, progress: TqdmProgress) -> Report:
    from deepsxt_core.cli.jobs import rerun_command

    _import_keras_silently()
    lines, report = rerun_command(args, progress)
    progress.close()
    _tell(args, lines)
    args.exit_code = 0 if report["same"] else 1
    return report


def _app(args: argparse.Namespace, progress: TqdmProgress) -> Report:  # noqa: ARG001
    from deepsxt_core.web.server import serve

    serve(args.port, args.address, print)


def _segment_text(report: Report) -> list[str]:
    return [
        f"Score  {report['score']}",
        f"Mask   {report['mask']}",
        f"{report['positive_fraction']:.1%} of the voxels are membrane; "
        f"{report['shape'][0]} slices in {report['seconds']:.1f} s "
        f"on {report['device']} ({report['precision']})"
        + ("; grey values inverted" if report["inverted"] else "")
        + ".",
    ]


def _surface_text(surfaces: Surfaces, report: Report) -> list[str]:
    unit = surfaces.unit
    lines = [f"{report['objects']} objects, {report['faces']:,} faces"]
    lines += [
        f"  {row.id:4}  volume {row.volume:10.4g} {unit}³   area {row.area:10.4g} {unit}²"
        for row in surfaces.objects[:_OBJECTS_SHOWN]
    ]
    if len(surfaces.objects) > _OBJECTS_SHOWN:
        lines.append(f"  and {len(surfaces.objects) - _OBJECTS_SHOWN} smaller ones")
    if surfaces.report is not None:
        lines += surfaces.report.sentences(int(surfaces.mesh.n_cells), unit)
    return lines + [f"Mesh   {path}" for path in report["files"]]


def _tell(args: argparse.Namespace, lines: Sequence[str]) -> None:
    if not getattr(args, "json", False):
        print("\n".join(lines))


_MODEL_ACTIONS: dict[str, Callable[[argparse.Namespace, TqdmProgress], Report]] = {
    "list": _models_list,
    "install": _models_install,
    "import": _models_import,
    "export": _models_export,
    "remove": _models_remove,
    "info": _models_info,
}
_COMMANDS: dict[str, Callable[[argparse.Namespace, TqdmProgress], Report]] = {
    "run": _run,
    "segment": _segment,
    "reconstruct": _reconstruct,
    "measure": _measure,
    "export": _export,
    "info": _info,
    "evaluate": _evaluate,
    "phantom": _phantom,
    "train": _train,
    "finetune": _train,
    "models": _models,
    "jobs": _jobs,
    "batch": _batch,
    "rerun": _rerun,
    "app": _app,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    args = build_parser().parse_args(argv)
    progress = TqdmProgress()
    try:
        report = _COMMANDS[args.command](args, progress)
    except DeepSXTError as error:
        progress.close()
        print(f"deepsxt: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.close()
        print("deepsxt: interrupted", file=sys.stderr)
        return 130
    if getattr(args, "json", False):
        print(json.dumps(report))
    return getattr(args, "exit_code", 0)


if __name__ == "__main__":
    sys.exit(main())
