"""Annotations: labelled objects that are edited, with a journal in which nothing is lost."""

from deepsxt_core.annotation.annotation import Annotation, open_annotation
from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.creation import create_annotation, is_annotation
from deepsxt_core.annotation.extent import Extent, extent_of
from deepsxt_core.annotation.judged import judged
from deepsxt_core.annotation.lease import STALE_AFTER_S, Holder
from deepsxt_core.annotation.ledger import Applied
from deepsxt_core.annotation.objects import (
    MEMBRANE,
    NOT_JUDGED,
    ORGANELLE,
    STATES,
    ObjectRow,
    ObjectTable,
)
from deepsxt_core.annotation.operations import (
    OPERATIONS,
    Click,
    CopySlice,
    Delete,
    EditClass,
    EditObjects,
    Erase,
    FillBox,
    FillSlice,
    Grow,
    Interpolate,
    Judge,
    Merge,
    MergeResult,
    Operation,
    Paint,
    PlanReview,
    Propose,
    RemoveClass,
    Shrink,
    Smooth,
    Split,
    operation_from_json,
    operation_to_json,
)
from deepsxt_core.annotation.replaying import replay
from deepsxt_core.annotation.runs import Runs
from deepsxt_core.annotation.sources import SourceParams
from deepsxt_core.annotation.strokes import PLANES, Brush, Limits, Polygon, RunStroke

__all__ = [
    "MEMBRANE",
    "NOT_JUDGED",
    "OPERATIONS",
    "ORGANELLE",
    "PLANES",
    "STALE_AFTER_S",
    "STATES",
    "Annotation",
    "Applied",
    "Box",
    "Brush",
    "Click",
    "CopySlice",
    "Delete",
    "EditClass",
    "EditObjects",
    "Erase",
    "Extent",
    "FillBox",
    "FillSlice",
    "Grow",
    "Holder",
    "Interpolate",
    "Judge",
    "Limits",
    "Merge",
    "MergeResult",
    "ObjectRow",
    "ObjectTable",
    "Operation",
    "Paint",
    "PlanReview",
    "Polygon",
    "Propose",
    "RemoveClass",
    "RunStroke",
    "Runs",
    "Shrink",
    "Smooth",
    "SourceParams",
    "Split",
    "create_annotation",
    "extent_of",
    "is_annotation",
    "judged",
    "open_annotation",
    "operation_from_json",
    "operation_to_json",
    "replay",
]
