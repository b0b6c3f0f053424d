"""Models that can be fetched from where their authors publish them."""

from dataclasses import dataclass
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.errors import ModelError, NoRoomError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.fingerprints import file_sha256
from deepsxt_core.io.downloading import download, reason
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.library import import_model, installed_folder
from deepsxt_core.network.models import ModelInfo
from deepsxt_core.progress import NoProgress, Progress


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model to download.

    Attributes
    ----------
    name : str
        What it is called in the library.
    url : str
        Address of a weight file in the published layout.
    size_mb : int
        About, in megabytes.
    config : NetworkConfig
    summary : str
        One sentence for people.
    card : str
        Markdown, kept with the model; its SHA-256 is added.
    """

    name: str
    url: str
    size_mb: int
    config: NetworkConfig
    summary: str
    card: str


PUBLISHED = CatalogueEntry(
    name="published-2021-05",
    url="https://ftp.mi.fu-berlin.de/pub/cmb-data/deep_sxt/weights_semisupervised_2021_05.h5",
    size_mb=307,
    config=NetworkConfig.published(),
    summary="The weights of the publication (PNAS 2023): 76.5 million parameters, slow on a CPU.",
    card="""# published-2021-05

The semi-supervised weights of Dyhr, Sadeghi *et al.*, PNAS 2023,
[doi 10.1073/pnas.2209938120](https://doi.org/10.1073/pnas.2209938120).

| | |
|---|---|
| Trained on | about 79 labelled and 512 unlabelled slices of mammalian cells from the U41 microscope at BESSY II, [doi 10.17169/refubium-37222](https://doi.org/10.17169/refubium-37222) |
| Membranes | dark |
| Input pixel size | that of the training data; the file does not state it |
| Parameters | 76,541,230 |
| Quality | as reported in the publication; not measured here |
| Licence | as its authors state; please cite the publication |
""",  # noqa: E501
)

CATALOGUE = {PUBLISHED.name: PUBLISHED}


def install(entry: CatalogueEntry, progress: Progress | None = None) -> ModelInfo:
    """Download a model, check that it fits its network, and add it to the library.

    The SHA-256 of the first download is kept in the workspace, and later ones must have it too.
    Nothing shows in the library before all is checked.

    Raises
    ------
    ModelError
        If the download fails or the file is not what it should be; the message says how to
        fetch the file by hand.
    CancelledError
        If the user stops.
    """
    if installed_folder(entry.name).exists():
        raise ModelError(f"The model {entry.name!r} is installed already.")
    progress = progress or NoProgress()
    downloads = settings.workspace_folder() / "downloads"
    hashes = settings.workspace_folder() / "model-hashes.json"
    known = (read_json(hashes) or {}).get(entry.url)
    file_name = f"{entry.name}.h5"
    try:
        known_hash = f"sha256:{known}" if known else None
        path = download(entry.url, downloads, file_name, known_hash, progress)
    except ValueError as error:
        raise _failed(
            entry, f"the file differs from the one that was downloaded first ({error})"
        ) from error
    except OSError as error:
        raise _failed(entry, reason(error)) from error

    try:
        _check_is_weight_file(path)
        sha256 = file_sha256(path)
        card = f"{entry.card}\nSHA-256 of the file: `{sha256}`\n"
        progress.stage("Checking", 1, "file")
        info = import_model(path, config=entry.config, name=entry.name, card=card)
        progress.advance()
    except OSError as error:
        raise _failed(entry, reason(error)) from error
    except (ModelError, NoRoomError) as error:
        raise _failed(entry, str(error).rstrip(".")) from error
    finally:
        path.unlink(missing_ok=True)
    write_json(hashes, (read_json(hashes) or {}) | {entry.url: sha256})
    return info


def _check_is_weight_file(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(512).lstrip()
    if start[:1] == b"<":
        raise ModelError("the server sent a web page in place of the file")
    if not start.startswith(b"\x89HDF"):
        raise ModelError("what came is no HDF5 file")


def _failed(entry: CatalogueEntry, reason: str) -> ModelError:
    return ModelError(
        f"Cannot install {entry.name!r}: {reason}. You can fetch the file ({entry.size_mb} MB) by "
        f"hand from {entry.url} and import it."
    )
