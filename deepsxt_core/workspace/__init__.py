"""The folder on disk that holds the tomograms and all that is made from them."""

from deepsxt_core.workspace.library import SAMPLE_SEED, Workspace
from deepsxt_core.workspace.results import Identity, Result, ResultKind, is_id, recipe_hash
from deepsxt_core.workspace.tomogram import Tomogram

__all__ = [
    "SAMPLE_SEED",
    "Identity",
    "Result",
    "ResultKind",
    "Tomogram",
    "Workspace",
    "is_id",
    "recipe_hash",
]
