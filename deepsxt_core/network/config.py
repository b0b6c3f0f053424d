"""The configuration of the network, in the layout of the published JSON files."""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from deepsxt_core.errors import InvalidParameterError, ModelError
from deepsxt_core.network.bounds import (
    LARGEST_DIVISOR,
    LARGEST_FACTOR,
    LARGEST_PIXEL_NM,
    MOST_CONTEXT,
    MOST_CONVOLUTIONS,
    MOST_FILTERS,
    MOST_PARAMETERS,
    check_classes,
    check_real,
    check_whole,
)
from deepsxt_core.network.parts import BlockConfig, CoderConfig, NeckConfig
from deepsxt_core.network.size import NetworkSize

# A saved Keras model brings a longer one, in a layout of its own.
_MOST_BYTES = 1 << 23

MEMBRANE_ALONE = ("membrane",)
"""The classes of a model that does not name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """A network with one encoder, a neck, an image decoder and a label decoder.

    Attributes
    ----------
    width : int
        Filters of the two heads (``m_f`` in the JSON).
    pooling : {"max", "average"}
    pooling_factor : int
        Pixels that one stage of the encoder merges, per axis.
    pixel_size_nm : tuple of float, optional
        Smallest and largest pixel that the model was made for, in nm; no part of the network
        and absent from the published layout.
    context : int
        Slices that it sees above, and as many below, the one that it scores; the published one
        sees none, and its layout has no word for it.
    stem_factor : int
        Pixels that the first convolution takes at a step, per axis, and that the last ones give
        back; 1 as published, where the layout has no word for it either.
    classes : tuple of str
        What each channel of the score marks; they may overlap. The published layout has no word
        for them, and its one channel marks membranes.

    Raises
    ------
    InvalidParameterError
        If the parts do not fit each other, or the network would be larger than any of use.
    TypeError
        If an entry is of the wrong type.
    """

    width: int
    encoder: CoderConfig
    neck: NeckConfig
    image_decoder: CoderConfig
    label_decoder: CoderConfig
    pooling: Literal["max", "average"] = "max"
    pooling_factor: int = 2
    pixel_size_nm: tuple[float, float] | None = None
    context: int = 0
    stem_factor: int = 1
    classes: tuple[str, ...] = MEMBRANE_ALONE

    def __post_init__(self) -> None:
        check_whole(1, MOST_FILTERS, m_f=self.width)
        check_whole(0, MOST_CONTEXT, context=self.context)
        check_whole(1, LARGEST_FACTOR, stem_factor=self.stem_factor)
        check_whole(2, LARGEST_FACTOR, pooling_factor=self.pooling_factor)
        check_classes(self.classes)
        if self.pixel_size_nm is not None:
            smallest, largest = self.pixel_size_nm
            check_real(0, LARGEST_PIXEL_NM, pixel_size_nm=smallest)
            check_real(0, LARGEST_PIXEL_NM, pixel_size_nm=largest)
            if not 0 < smallest <= largest:
                raise InvalidParameterError(
                    "pixel_size_nm must be the smallest and the largest pixel in nm, above 0: got "
                    f"{self.pixel_size_nm}."
                )
        for name in ("image_decoder", "label_decoder"):
            n_stages = getattr(self, name).n_stages
            if n_stages != self.encoder.n_stages:
                raise InvalidParameterError(
                    f"{name} has {n_stages} stages, the encoder {self.encoder.n_stages}: "
                    "they must be equal for the output to have the size of the input."
                )
        check_whole(1, LARGEST_DIVISOR, divisor=self.divisor)
        size = NetworkSize.of(self)
        check_whole(1, MOST_CONVOLUTIONS, convolutions=size.convolutions)
        check_whole(1, MOST_PARAMETERS, parameters=size.parameters)

    @property
    def divisor(self) -> int:
        """Number that the height and width of an input must be divisible by."""
        return self.stem_factor * self.pooling_factor**self.encoder.n_stages

    @property
    def slices_seen(self) -> int:
        """Number of slices that the network sees to score one."""
        return 2 * self.context + 1

    @property
    def receptive_radius_px(self) -> int:
        """Distance, in pixels of the input, from which the score at a pixel may be affected.

        An upper bound: the reaches of all layers on the longest path, each times its scale.
        """
        factor, stages = self.pooling_factor, self.encoder.n_stages

        def reach(coder: CoderConfig, kernel: int) -> int:
            return coder.n_blocks * coder.block_depth * (kernel // 2)

        radius = self.encoder.kernel_sizes[0] // 2
        for stage, kernel in enumerate(self.encoder.kernel_sizes[1:]):
            radius += (reach(self.encoder, kernel) + factor - 1) * factor**stage
        radius += self.neck.depth * (max(self.neck.kernel_sizes) // 2) * factor**stages
        decoder = self.label_decoder
        for stage, kernel in enumerate(decoder.kernel_sizes[:-1]):
            scale = factor ** (stages - stage)
            radius += -(-kernel // (2 * factor)) * scale
            radius += reach(decoder, kernel) * scale // factor
        return self.stem_factor * (radius + 2 * (decoder.kernel_sizes[-1] // 2))

    @classmethod
    def published(cls, width: int = 64) -> Self:
        """Return the published architecture at another width (64 in the publication).

        Raises
        ------
        InvalidParameterError
            If `width` is below 1.
        """
        check_whole(1, MOST_FILTERS, width=width)
        filters = (width, width, 2 * width, 4 * width, 8 * width)
        encoder = CoderConfig(n_filters=filters, kernel_sizes=(3,) * 5)
        decoder = CoderConfig(
            n_filters=(8 * width, 4 * width, 2 * width, width, width), kernel_sizes=(3,) * 5
        )
        return cls(
            width=width,
            encoder=encoder,
            neck=NeckConfig(n_filters=16 * width),
            image_decoder=decoder,
            label_decoder=replace(decoder, n_blocks=2, use_skip_connections=True),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the published layout; `data` is not changed.

        Raises
        ------
        ModelError
            If an entry is missing or has the wrong type.
        InvalidParameterError
            If the entries do not fit each other.
        """
        try:
            pooling = data.get("pooling") or {"type": "max_pooling", "factor": 2}
            kinds: dict[str, Literal["max", "average"]] = {
                "max_pooling": "max",
                "average_pooling": "average",
            }
            if pooling["type"] not in kinds:
                told = reprlib.repr(pooling["type"])
                raise InvalidParameterError(
                    f"The pooling type must be one of {list(kinds)}: got {told}."
                )
            neck = data["neck"]
            pixels = data.get("pixel_size_nm")
            return cls(
                width=data["m_f"],
                encoder=CoderConfig.from_dict(data["encoder"]),
                neck=NeckConfig(
                    n_filters=neck["n_filters"],
                    kernel_sizes=tuple(neck["kernel_sizes"]),
                    depth=neck["depth"],
                    add_instead_of_concat=data["add_instead_of_concat_after_neck"],
                    block=BlockConfig.from_dict(neck),
                ),
                image_decoder=CoderConfig.from_dict(data["decoder_image"]),
                label_decoder=CoderConfig.from_dict(data["decoder_label"]),
                pooling=kinds[pooling["type"]],
                pooling_factor=pooling["factor"],
                pixel_size_nm=None if pixels is None else tuple(pixels),
                context=data.get("context", 0),
                stem_factor=data.get("stem_factor", 1),
                classes=tuple(data.get("classes", MEMBRANE_ALONE)),
            )
        except KeyError as error:
            raise ModelError(f"The network configuration lacks the entry {error}.") from error
        except InvalidParameterError:
            raise
        except (TypeError, AttributeError, ValueError) as error:
            raise ModelError(
                f"The network configuration has an entry of the wrong type: {error}."
            ) from error

    @classmethod
    def from_json(cls, path: str | Path) -> Self:
        """Read a JSON file in the published layout.

        Raises
        ------
        ModelError
            If the file cannot be read or is not such a configuration.
        """
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ModelError(
                f"Cannot read the network configuration {path}: {error.strerror}."
            ) from error
        return cls.from_dict(parse_description(text, str(path)))

    def to_dict(self) -> dict[str, Any]:
        """Return the published layout, the inverse of `from_dict`."""
        ours: dict[str, Any] = {}
        if self.pixel_size_nm is not None:
            ours["pixel_size_nm"] = list(self.pixel_size_nm)
        if self.context:
            ours["context"] = self.context
        if self.stem_factor != 1:
            ours["stem_factor"] = self.stem_factor
        if self.classes != MEMBRANE_ALONE:
            ours["classes"] = list(self.classes)
        return ours | {
            "pooling": {"type": f"{self.pooling}_pooling", "factor": self.pooling_factor},
            "m_f": self.width,
            "add_instead_of_concat_after_neck": self.neck.add_instead_of_concat,
            "encoder": self.encoder.to_dict(),
            "neck": {
                "kernel_sizes": list(self.neck.kernel_sizes),
                "depth": self.neck.depth,
                "n_filters": self.neck.n_filters,
                **self.neck.block.to_dict(),
            },
            "decoder_image": self.image_decoder.to_dict(),
            "decoder_label": self.label_decoder.to_dict(),
        }


def parse_description(text: bytes, name: str) -> Mapping[str, Any]:
    """Return the object in a JSON text that anybody may have written.

    Raises
    ------
    ModelError
        If it holds none; the message calls it `name`.
    """
    if len(text) > _MOST_BYTES:
        raise ModelError(f"The network configuration {name} has more than {_MOST_BYTES} bytes.")
    try:
        data = json.loads(text)
    except RecursionError:
        raise ModelError(f"The network configuration {name} is nested too deeply.") from None
    except ValueError as error:
        raise ModelError(f"Cannot read the network configuration {name}: {error}.") from error
    if not isinstance(data, dict):
        raise ModelError(f"The network configuration {name} is no JSON object.")
    return data
