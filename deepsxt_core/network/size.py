"""How many layers and parameters a configuration asks for, counted without building anything."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsxt_core.network.config import NetworkConfig
    from deepsxt_core.network.parts import BlockConfig, CoderConfig


@dataclass(slots=True)
class NetworkSize:
    """Convolutions and parameters of a network; the construction of `architecture`, in numbers."""

    convolutions: int = 0
    parameters: int = 0

    def _conv(self, inputs: int, filters: int, kernel: int, bias: bool) -> int:
        self.convolutions += 1
        self.parameters += kernel * kernel * inputs * filters + (filters if bias else 0)
        return filters

    def _bottleneck(self, inputs: int, filters: int, kernel: int, bias: bool, stem: int = 1) -> int:
        inner = max(1, filters // 2)
        channels = self._conv(inputs, inner, stem, bias)
        channels = self._conv(channels, inner, kernel, bias)
        return self._conv(channels, filters, 1, bias)

    def _activate(self, channels: int, block: "BlockConfig") -> int:
        if block.batch_norm:
            self.parameters += 4 * channels
        return channels

    def _residual(self, inputs: int, coder: "CoderConfig", filters: int, kernel: int) -> int:
        channels = inputs
        for _ in range(coder.block_depth - 1):
            channels = self._bottleneck(channels, filters, kernel, bias=False)
            self._activate(channels, coder.block)
        channels = self._bottleneck(channels, filters, kernel, bias=False)
        merged = channels if coder.add_instead_of_concat else inputs + channels
        return self._activate(merged, coder.block)

    def _encode(self, config: "NetworkConfig") -> tuple[int, list[int]]:
        coder = config.encoder
        channels = self._bottleneck(
            config.slices_seen,
            coder.n_filters[0],
            coder.kernel_sizes[0],
            bias=True,
            stem=config.stem_factor,
        )
        self._activate(channels, coder.block)
        skips = []
        for filters, kernel in zip(coder.n_filters[1:], coder.kernel_sizes[1:], strict=True):
            for _ in range(coder.n_blocks):
                channels = self._residual(channels, coder, filters, kernel)
            skips.append(channels)
        return channels, skips

    def _neck(self, inputs: int, config: "NetworkConfig") -> int:
        neck = config.neck
        for kernel in neck.kernel_sizes:
            channels = inputs
            for _ in range(neck.depth):
                channels = self._bottleneck(channels, neck.n_filters, kernel, bias=False)
                self._activate(channels, neck.block)
        n_branches = 1 if neck.add_instead_of_concat else len(neck.kernel_sizes)
        return neck.n_filters * n_branches

    def _decode(self, inputs: int, skips: list[int], coder: "CoderConfig") -> int:
        channels = inputs
        stages = zip(coder.n_filters[:-1], coder.kernel_sizes[:-1], reversed(skips), strict=True)
        for filters, kernel, skip in stages:
            channels = self._conv(channels, filters, kernel, bias=True)
            if coder.use_skip_connections and not coder.add_instead_of_concat:
                channels += skip
            for _ in range(coder.n_blocks):
                channels = self._residual(channels, coder, filters, kernel)
        last = self._bottleneck(channels, coder.n_filters[-1], coder.kernel_sizes[-1], bias=False)
        return self._activate(last, coder.block)

    @classmethod
    def of(cls, config: "NetworkConfig") -> "NetworkSize":
        """Count what `build_network` would build; channels that are added count as equal."""
        size, stem = cls(), config.stem_factor
        encoded, skips = size._encode(config)
        neck = size._neck(encoded, config)
        kernel = config.image_decoder.kernel_sizes[-1]
        channels = size._decode(neck, skips, config.image_decoder)
        for filters in (config.width, config.width, stem * stem):
            channels = size._bottleneck(channels, filters, kernel, bias=True)
        if stem > 1:
            size._conv(channels, 1, stem, bias=True)
        kernel = config.label_decoder.kernel_sizes[-1]
        channels = size._decode(neck, skips, config.label_decoder)
        size.parameters += 4 * channels
        channels = size._bottleneck(channels, config.width, kernel, bias=True)
        size._conv(channels, len(config.classes), stem, bias=True)
        return size
