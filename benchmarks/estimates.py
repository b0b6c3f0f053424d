"""How right the estimates of jobs are: what they said was left, against what was left.

``python benchmarks/estimates.py TOMOGRAM`` segments a tomogram, makes its surface, and does two
cuts of it in a batch, each as a job in a new workspace: in a first round where nothing is known of
this machine, and in a second. It reads the status ten times a second, and prints the ratio of what
was said to what was true when the first slab was done, and at each fifth of the time.
"""

import argparse
import tempfile
import time
from pathlib import Path

from deepsxt_core import jobs
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_volume
from deepsxt_core.io.writers.registry import write_volume
from deepsxt_core.jobs.requests import JobRequest
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Tomogram, Workspace


def watched(workspace: Workspace, request: JobRequest, tomogram: Tomogram | None) -> jobs.Job:
    """Do a job, and print how right it was."""
    seen: dict[float, tuple[float | None, float, str]] = {}
    job = jobs.submit(workspace, request, tomogram=tomogram and tomogram.id)
    while job.active:
        status = job.status
        if status.updated and status.state == "running":
            seen[status.updated.timestamp()] = status.remaining_s, status.share, status.stage
        time.sleep(0.1)
        job = jobs.read_job(workspace, job.id)
    began, end = job.status.started.timestamp(), job.status.updated.timestamp()
    said = [
        (at, f"{left / (end - at):4.2f} of {end - at:5.1f} s ({share:4.0%}, {stage})")
        for at, (left, share, stage) in sorted(seen.items())
        if left is not None and end - at > 0.5
    ]
    fullest = max(share for _, share, _ in seen.values())
    print(f"{request.kind}: {job.state} in {end - began:.1f} s; fullest {fullest:.0%}")
    told = [("first", said[0])] if said else []
    for tenth in (2, 4, 6, 8):
        later = [each for each in said if each[0] >= began + (end - began) * tenth / 10]
        told += [(f"{tenth}0 %", later[0])] if later else []
    for when, (_, text) in told:
        print(f"  {when:5}  {text}", flush=True)
    return job


def main() -> None:
    """Do two rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tomogram", type=Path)
    parser.add_argument("--model", default="deepsxt-compact")
    parser.add_argument("--slices", type=int, help="of each tomogram of the batch")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace, whole = Workspace(Path(folder) / "workspace"), open_volume(given.tomogram)
        tomogram = workspace.add_file(given.tomogram)
        for number in (1, 2):
            print(f"Round {number}: {' × '.join(map(str, whole.shape))} voxels")
            params = SegmentParams(rotations=1, z1=whole.shape[0] - number)
            segmented = watched(
                workspace, jobs.SegmentRequest(model=given.model, params=params), tomogram
            )
            request = jobs.ReconstructRequest(score=segmented.result_id, params=ReconstructParams())
            watched(workspace, request, tomogram)
            ids = []
            depth = given.slices or whole.shape[0] // 3
            for first in range(0, whole.shape[0] - depth + 1, depth):
                path = Path(folder) / f"cut {number} {first}.mrc"
                write_volume(
                    Volume.from_array(whole.read(first, first + depth), whole.voxel_size_nm), path
                )
                ids.append(workspace.add_file(path).id)
            recipe = Recipe(model=given.model)
            watched(workspace, jobs.BatchRequest(tomograms=tuple(ids), recipe=recipe), None)


if __name__ == "__main__":
    main()
