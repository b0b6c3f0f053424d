"""``deepsxt fetch``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.progress import Progress
from deepsxt_core.training.fetching import fetch as bring
from deepsxt_core.training.public_sets import PUBLIC_SETS


@command
def fetch(
    name: Annotated[str, Parameter(help="One of " + ", ".join(PUBLIC_SETS) + ".")],
    /,
    *,
    out: Annotated[Path, Parameter(help="New folder, for finetune.")],
    source: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Zip archive, folder or file that is here already; may be given several times. "
            "Left out, it is downloaded.",
            negative="",
        ),
    ] = (),
    outline_px: Annotated[
        float,
        Parameter(
            help="How wide membranes are drawn where labels are bodies.",
            validator=Number(gte=1, lte=64),
        ),
    ] = 4.0,
    labels: Annotated[
        Literal["membranes", "classes"],
        Parameter(help="What bodies become: their outlines, or classes to be learnt as they are."),
    ] = "membranes",
    progress: Progress,
) -> Outcome:
    """Bring a public labelled data set into a folder."""
    if name not in PUBLIC_SETS:
        raise InvalidParameterError(
            f"There is no public data set {name!r}: choose one of {', '.join(PUBLIC_SETS)}."
        )
    wanted = PUBLIC_SETS[name]
    as_classes = labels == "classes"
    if as_classes and wanted.classes is None:
        raise InvalidParameterError(f"The labels of {name!r} are membranes and no classes.")
    counts = bring(wanted, out, source, None if as_classes else outline_px, progress)
    more = f' --classes "{wanted.classes}"' if as_classes else ""
    return Outcome(
        [
            f"{wanted.title}",
            f"{counts['files']} images, {counts['labelled_slices']} labelled and "
            f"{counts['unlabelled_slices']} unlabelled slices in {out}",
            f"Licence: {wanted.licence}; cite https://doi.org/{wanted.doi}",
            f"Next: deepsxt finetune {out}{more} --check",
        ],
        {"name": name, "folder": str(out), "doi": wanted.doi, "licence": wanted.licence, **counts},
    )
