"""Finished results for tests, made without a network."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from deepsxt_core.geometry import Region
from deepsxt_core.io import SCORE_NAME, create_score
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces
from deepsxt_core.volume import Score
from deepsxt_core.workflow import pipeline
from deepsxt_core.workflow.segment_record import describe
from deepsxt_core.workflow.steps import make_surfaces, reconstruct_identity
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation


def ball(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    """Return a score that is above 0 inside a ball in the middle, float32."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    cz, cy, cx = ((n - 1) / 2 for n in shape)
    distance = np.sqrt((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2)
    return np.clip((radius - distance) / 4, -1, 1).astype(np.float32)


def add_score(
    tomogram: Tomogram, score: np.ndarray, first_slice: int = 0, region: Region | None = None
) -> Result:
    """Give a tomogram, or a region of it, a finished score of what `score` (z, y, x) holds."""
    region = region or Region()
    volume = tomogram.volume(region)
    params = {"rotations": 1, "tiling": "full", "crop": region.crop, "bin": region.bin}
    folder = tomogram.result_folder(
        "scores", params | {"first_slice": first_slice, "sum": float(score.sum())}
    )
    writer = create_score(folder / SCORE_NAME, score.shape, volume.geometry, first_slice)
    writer.write(0, Score.encode(score))
    run = {
        "step": "segment",
        "params": params,
        "input": describe(volume),
        "model": {"name": "test-model", "sha256": "0"},
        "z": [first_slice, first_slice + len(score)],
        "inverted": False,
    }
    return _finish(tomogram, "scores", folder, run)


def add_surface(
    tomogram: Tomogram, score: Result | None, params: ReconstructParams | None = None
) -> Result:
    """Give a tomogram the finished surfaces of one of its scores, or of its own labels."""
    params = params or ReconstructParams()
    score_id = score and score.id
    folder = tomogram.result_folder("surfaces", {"score": score_id})
    source = tomogram.segmentation(score_id)
    pipeline.reconstruct(source, params).save(folder)
    run = {
        "params": asdict(params),
        "whole_origin_nm": source.volume.whole_origin_nm,
        "recipe": {
            "step": "reconstruct",
            "score": score_id,
            "voxel_size_nm": source.volume.voxel_size_nm,
            "origin_nm": source.volume.origin_nm,
        },
    }
    return _finish(tomogram, "surfaces", folder, run)


def add_annotation_surface(
    tomogram: Tomogram, kept: KeptAnnotation, params: ReconstructParams | None = None
) -> Result:
    """Give a tomogram the finished surfaces of one of its annotations as it is now."""
    params, version = params or ReconstructParams(each_label=True), kept.pinned()
    source = kept.labels(version)
    identity = reconstruct_identity(tomogram, None, source, params, version)
    folder = tomogram.result_folder("surfaces", identity)
    told = {"annotation": {"name": kept.name, "entries": kept.version().entries, "region": {}}}
    make_surfaces(source, params, folder, NoProgress(), told=told)
    run = json.loads((folder / "run.json").read_text()) | {"recipe": dict(identity)}
    return _finish(tomogram, "surfaces", folder, run)


def add_measurement(tomogram: Tomogram, surface: Result) -> Result:
    """Give a tomogram the finished thorough measurement of one of its surfaces."""
    folder = tomogram.result_folder("measurements", {"surface": surface.id})
    measured = pipeline.measure(
        tomogram.surface_source(surface),
        ReconstructParams(**surface.run["params"]),
        surfaces=Surfaces.load(surface.folder),
    )
    measured.write(folder)
    run = {
        "params": asdict(ProcessParams()),
        "recipe": {"step": "measure", "surface": surface.id},
    }
    return _finish(tomogram, "measurements", folder, run)


def _finish(tomogram: Tomogram, kind, folder: Path, run: dict) -> Result:
    (folder / "run.json").write_text(json.dumps(run))
    return tomogram.result(kind, folder.name)
