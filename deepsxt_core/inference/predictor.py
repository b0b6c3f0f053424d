"""Scores slices with one model on the device at hand."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.inference.engines import (
    OPENVINO,
    Compiled,
    compiled,
    fastest,
    gains_by_bfloat16,
    reduced,
)
from deepsxt_core.inference.params import Precision, SegmentParams, Tiling
from deepsxt_core.inference.tiling import (
    TilingParams,
    score_compat,
    score_full,
    score_symmetric,
    with_neighbours,
)
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.models import Model
from deepsxt_core.preprocessing import clean, zscore

logger = logging.getLogger(__name__)

_BATCH_PX = {"CPU": 1024 * 1024, "GPU": 8 * 1024 * 1024}
_WIDE = 32
_AGREE_SCORE = 0.02
_AGREE_DICE = 0.995
_SAMPLE_PX = 512


def _cpu_has_bfloat16() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and bool(
        re.search(r"\b(avx512_bf16|amx_bf16)\b", cpuinfo.read_text(encoding="utf-8"))
    )


class Predictor:
    """Scores standardised slices with one network.

    Parameters
    ----------
    model : Model or keras.Model
        From `load_model` or `build_network`.
    tiling, precision, rotations
        As in `SegmentParams`.
    compat_tile_px, compat_stride_px : int
        Of the published tiling.
    engine : str, optional
        What scored before, for the same digits; left out, the fastest of those that agree.

    Attributes
    ----------
    device : str
        What computes: ``"CPU"`` or the name of the GPU.
    engine : str
        ``"openvino"``, or the backend of Keras.
    precision : str
        What "auto" has come to: known once the first slice is scored.
    batch_slices : callable
        ``batch_slices(height, width)`` is the number of slices to score at once.
    """

    def __init__(
        self,
        model: "Model | Any",
        *,
        tiling: Tiling = "full",
        precision: Precision = "auto",
        rotations: int = 1,
        compat_tile_px: int = 600,
        compat_stride_px: int = 400,
        engine: str | None = None,
    ) -> None:
        self._model = model
        self._config: NetworkConfig = (
            model.config if isinstance(model, Model) else model.deepsxt_config
        )
        self._tiling = tiling
        self._rotations = rotations
        self._compat = {"tile_px": compat_tile_px, "stride_px": compat_stride_px}
        self._full = TilingParams.for_network(
            self._config.receptive_radius_px, self._config.divisor
        )
        # A bare network may learn further, which the backend of Keras alone follows.
        found = fastest(model, engine) if isinstance(model, Model) else compiled(model)
        self._take(found, "float32")
        self._undecided = precision == "auto"
        self._most_slices = sys.maxsize
        if precision not in ("auto", "float32"):
            self._take(self._reduced(precision), precision)

    @classmethod
    def of(cls, model: "Model | Any", params: SegmentParams, engine: str | None = None) -> Self:
        """Make the one that scores as `params` say."""
        return cls(
            model,
            tiling=params.tiling,
            precision=params.precision,
            rotations=params.rotations,
            engine=engine,
        )

    @property
    def tiling(self) -> Tiling:
        """How slices are cut."""
        return self._tiling

    def _reduced(self, precision: str) -> Compiled:
        return reduced(self._model, self.engine, precision)

    def _take(self, found: Compiled, precision: str) -> None:
        self._score, self.device, self.engine = found
        self.precision = precision

    def settle_precision(self, slices: NDArray[np.float32]) -> str:
        """Decide what "auto" means from standardised slices (n, y, x), unless it is settled."""
        if self._undecided:
            self._decide_precision(with_neighbours(slices[:1], self.context))
        return self.precision

    def take_precision(self, precision: str) -> None:
        """Take the precision that was settled before, without looking at slices."""
        if self._undecided and precision != "float32":
            self._take(self._reduced(precision), precision)
        self._undecided = False

    @property
    def context(self) -> int:
        """Slices that the network sees on either side of the one that it scores."""
        return self._config.context

    def _decide_precision(self, slices: NDArray[np.float32]) -> None:
        """Take less than float32 where the device gains by it and a sample of scores agrees.

        With OpenVINO that is measured. On TensorFlow a network of width 64 ran 1.5 times as fast
        in bfloat16 on CPUs that have it, one of width 12 to 16 hardly faster: it stays at float32.
        """
        self._undecided = False
        if self.device != "CPU":
            precision = "float16"
        elif self.engine == OPENVINO:
            if not gains_by_bfloat16(self._model):
                return
            precision = "bfloat16"
        elif self._config.width >= _WIDE and _cpu_has_bfloat16():
            precision = "bfloat16"
        else:
            return
        divisor = self._config.divisor
        side = min(_SAMPLE_PX, *slices.shape[1:3]) // divisor * divisor
        if side == 0:
            return
        sample = slices[:1, :side, :side]
        candidate = self._reduced(precision)
        exact, rough = self._score(sample), candidate.score(sample)
        difference = float(np.abs(exact - rough).mean())
        dice = _dice(exact > 0, rough > 0)
        if difference <= _AGREE_SCORE and dice >= _AGREE_DICE:
            self._take(candidate, precision)
        else:
            logger.info(
                "%s is not used: scores differ by %.3f on average, the Dice of masks is %.4f.",
                precision,
                difference,
                dice,
            )

    def batch_slices(self, height: int, width: int) -> int:
        """Return how many slices of that size are scored at once."""
        budget = _BATCH_PX["CPU" if self.device == "CPU" else "GPU"]
        return max(1, budget // (min(height, self._full.tile_px) * min(width, self._full.tile_px)))

    def score(
        self, slices: NDArray[np.float32], margins: tuple[int, int] = (0, 0)
    ) -> NDArray[np.float32]:
        """Score slices.

        Parameters
        ----------
        slices : ndarray
            (n, y, x), float32, standardised and finite; one after the other in z where the
            network sees the neighbours too (`context`).
        margins : (int, int)
            So many at the start and at the end are not scored: they are neighbours alone.
            Where one is missing, the slice nearest to it stands for it.

        Returns
        -------
        ndarray
            (n - sum(margins), y, x), float32 in [-1, 1], finite; with an axis more, the last, where
            there are several classes.

        Raises
        ------
        DeepSXTError
            If memory does not even suffice for one slice. For several, fewer are scored at once.
        """
        self.settle_precision(slices)
        cut: Callable[[NDArray[np.float32]], NDArray[np.float32]]
        if self._tiling == "compat":

            def cut(views: NDArray[np.float32]) -> NDArray[np.float32]:
                return score_compat(
                    views, self._score, divisor=self._config.divisor, **self._compat
                )
        else:

            def cut(views: NDArray[np.float32]) -> NDArray[np.float32]:
                return score_full(views, self._score, self._full)

        seen = with_neighbours(slices, self.context, margins)
        return np.concatenate(list(self._in_batches(seen, cut)))

    def _in_batches(
        self, slices: NDArray[np.float32], cut: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> Iterator[NDArray[np.float32]]:
        first = 0
        while first < len(slices):
            batch = slices[first : first + self._most_slices]
            try:
                scored = score_symmetric(batch, cut, self._rotations)
            except MemoryError as error:
                if len(batch) == 1:
                    height, width = slices.shape[1:3]
                    raise DeepSXTError(
                        f"The memory of the device ({self.device}) does not suffice for one slice "
                        f"of {height} by {width} pixels. Close other programs that use it, or take "
                        "a smaller model."
                    ) from error
                self._most_slices = len(batch) // 2
                logger.warning(
                    "Out of memory with %d slices at once; going on with %d.",
                    len(batch),
                    self._most_slices,
                )
                continue
            first += len(batch)
            yield scored


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    marked = np.count_nonzero(one) + np.count_nonzero(other)
    return float(2 * np.count_nonzero(one & other) / marked) if marked else 1.0


def predict_slice(
    model: "Model | Any",
    slice_2d: NDArray,
    *,
    tiling: Tiling = "full",
    precision: Precision = "float32",
    rotations: int = 1,
    tile_px: int = 600,
    stride_px: int = 400,
) -> NDArray[np.float32]:
    """Score one slice, standardising it first.

    Standardising twice changes nothing, so `slice_2d` may be raw or standardised. Values that
    are not finite count as the median.

    Parameters
    ----------
    model : Model or keras.Model
        From `load_model` or `build_network`.
    slice_2d : ndarray
        (y, x), any real type, membranes dark.
    tiling, precision, rotations
        As in `SegmentParams`.
    tile_px, stride_px : int
        Of the "compat" tiling.

    Returns
    -------
    ndarray
        (y, x), float32 in [-1, 1]; (y, x, classes) where the network has several classes.
    """
    values = np.asarray(slice_2d)
    finite = values[np.isfinite(values)]
    cleaned, _ = clean(values, float(np.median(finite)) if finite.size else 0.0)
    predictor = Predictor(
        model,
        tiling=tiling,
        precision=precision,
        rotations=rotations,
        compat_tile_px=tile_px,
        compat_stride_px=stride_px,
    )
    return predictor.score(zscore(cleaned[np.newaxis]))[0]
