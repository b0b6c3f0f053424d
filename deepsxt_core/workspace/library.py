"""The folder on disk that holds the tomograms and all that is made from them.

::

    <workspace>/
      tomograms/<id>/
        tomogram.json               name, source, dataset, voxel size, polarity, crop, creation
        input.json                  hash of the source, valid while sizes and times stay the same
        source/<file>               only for uploads and the sample; other files stay where they are
        remarks.json                see `deepsxt_core.workspace.remarks`
        glance/                     see `deepsxt_core.workspace.glance`
        display/<version>.ome.zarr  see `deepsxt_core.workspace.display`
        results/scores/<id>/        a finished result; run.json inside
        results/surfaces/<id>/      see `deepsxt_core.workspace.results`
        results/…/<id>/
        annotations/<id>/           see `deepsxt_core.workspace.annotations`
      trash/<token>/                see `deepsxt_core.workspace.trash`
      uploads/                      see `deepsxt_core.workspace.uploads`
      page-token                    see `deepsxt_core.web.own_pages`
      jobs/                         see `deepsxt_core.jobs`

Names that begin with a dot are work in progress or on its way out, and invisible. A result is
made in such a hidden folder (`partial_folder`), one per producer, and renamed when it is complete
(`publish`): readers never see half of it, and two producers of one result cannot disturb each
other; the first to finish is kept. JSON files are written beside and renamed likewise.
"""

import secrets
from pathlib import Path

from deepsxt_core import access, settings
from deepsxt_core.errors import DatasetChoiceError, DeepSXTError
from deepsxt_core.files import delete_folder, partial_folder, publish, shown_name, write_json
from deepsxt_core.fingerprints import content_stamp
from deepsxt_core.io import write_tiff
from deepsxt_core.io.probe import probe
from deepsxt_core.volume import Volume
from deepsxt_core.workspace.results import is_id, recipe_hash
from deepsxt_core.workspace.tomogram import (
    HASH_NAME,
    Tomogram,
    new_tomogram,
    read_tomogram,
    write_tomogram,
)

SAMPLE_SEED = 1
"""The seed of the simulated sample."""

_ID_BYTES = 9


class Workspace:
    """Tomograms, results and jobs under one folder.

    Parameters
    ----------
    folder : Path, optional
        Created when something is first written. Default: `settings.workspace_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or settings.workspace_folder()).resolve()

    @property
    def jobs_folder(self) -> Path:
        """Where jobs are kept."""
        return self.folder / "jobs"

    @property
    def uploads_folder(self) -> Path:
        """Where files are kept that have not arrived as a whole yet."""
        return self.folder / "uploads"

    def tomograms(self) -> list[Tomogram]:
        """Return all tomograms, newest first; folders that cannot be read are left out."""
        folder = self.folder / "tomograms"
        if not folder.is_dir():
            return []
        found = [read_tomogram(entry) for entry in folder.iterdir() if is_id(entry.name)]
        known = [tomogram for tomogram in found if tomogram is not None]
        return sorted(known, key=lambda tomogram: tomogram.created, reverse=True)

    def tomogram(self, tomogram_id: str) -> Tomogram:
        """Return the tomogram of this id.

        Raises
        ------
        DeepSXTError
            If the id is malformed or unknown.
        """
        tomogram = read_tomogram(self._folder_of(tomogram_id)) if is_id(tomogram_id) else None
        if tomogram is None:
            raise DeepSXTError(
                f"There is no tomogram '{tomogram_id[:64]}' in this workspace. "
                "It may have been removed; open the file again."
            )
        return tomogram

    def adopt(self, path: Path, tomogram_id: str, *, name: str, sha256: str) -> Tomogram:
        """Add a file by moving it into the workspace.

        Parameters
        ----------
        path : Path
            On the disk of the workspace.
        tomogram_id : str
            From `secrets.token_hex`; nobody else may know it yet.
        name : str
            For people.
        sha256 : str
            Of the file, where it need not be read for it again.

        Raises
        ------
        VolumeError
            If the file cannot serve as a tomogram; it stays where it is then. Several candidates
            inside are no error here: the choice is made later with `Tomogram.update`.
        """
        access.require_write()
        check_file(path, None)
        folder = self._folder_of(tomogram_id)
        source = folder / "source" / path.name
        source.parent.mkdir(parents=True)
        path.rename(source)
        write_json(folder / HASH_NAME, content_stamp(source) | {"sha256": sha256})
        tomogram = new_tomogram(tomogram_id, folder, source, name, None)
        write_tomogram(tomogram)
        return tomogram

    def add_file(
        self, path: Path, *, name: str | None = None, dataset: str | None = None
    ) -> Tomogram:
        """Add a file where it is, without a copy; the same file again gives the same tomogram.

        Raises
        ------
        VolumeError
            If the file cannot serve as a tomogram. Several candidates inside are no error here:
            the choice is made later with `Tomogram.update`.
        """
        access.require_write()
        source = path.expanduser().resolve()
        for tomogram in self.tomograms():
            if tomogram.source == source and dataset in (None, tomogram.dataset):
                return tomogram
        check_file(source, dataset)
        tomogram_id = secrets.token_hex(_ID_BYTES)
        folder = self._folder_of(tomogram_id)
        folder.mkdir(parents=True)
        tomogram = new_tomogram(tomogram_id, folder, source, name or path.name, dataset)
        write_tomogram(tomogram)
        return tomogram

    def add_sample(self) -> Tomogram:
        """Return the simulated sample, made on first use."""
        access.require_write()
        sample_id = recipe_hash({"sample": SAMPLE_SEED})
        tomogram = read_tomogram(self._folder_of(sample_id))
        return tomogram or self._make_sample(sample_id)

    def rename(self, tomogram_id: str, name: str) -> Tomogram:
        """Give a tomogram another name, or that of its file where nothing of it can be shown.

        Raises
        ------
        DeepSXTError
            If the id is malformed or unknown.
        """
        tomogram = self.tomogram(tomogram_id)
        return tomogram.update(name=shown_name(name, tomogram.source.name))

    def remove(self, tomogram_id: str) -> None:
        """Delete a tomogram and all its results; a file that was only referred to stays.

        Raises
        ------
        DeepSXTError
            If the id is malformed or unknown.
        """
        access.require_write()
        delete_folder(self.tomogram(tomogram_id).folder)

    def _make_sample(self, sample_id: str) -> Tomogram:
        # Imported here because the generator is needed once in the life of a workspace.
        from deepsxt_core.phantom import sample_tomogram

        array, truth, voxel_size_nm = sample_tomogram(SAMPLE_SEED)
        final = self._folder_of(sample_id)
        partial = partial_folder(final, secrets.token_hex(4))
        source = partial / "source" / "sample.tif"
        source.parent.mkdir(parents=True)
        write_tiff(Volume.from_array(array, voxel_size_nm), source)
        write_tiff(Volume.from_array(truth, voxel_size_nm), source.with_name("truth.tif"))
        write_tomogram(new_tomogram(sample_id, partial, source, "Simulated sample", None))
        publish(partial, final, "tomogram.json")
        return self.tomogram(sample_id)

    def _folder_of(self, tomogram_id: str) -> Path:
        return self.folder / "tomograms" / tomogram_id


def check_file(source: Path, dataset: str | None) -> None:
    """Look at a file in a process with limits; several volumes in it are no error here.

    Raises
    ------
    VolumeError
        If it cannot be read as a volume.
    """
    try:
        probe(source, dataset)
    except DatasetChoiceError:
        if dataset is not None:
            raise
