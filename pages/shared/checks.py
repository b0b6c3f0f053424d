"""What *Open* says about a tomogram, and the part of it that is to be segmented."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.geometry import BINNINGS, Region
from deepsxt_core.inference import SegmentParams
from deepsxt_core.parameters import declared_field
from deepsxt_core.preprocessing import HealthReport, check_health, suggested_region
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.volume import Volume
from deepsxt_core.web.pictures import (
    Survey,
    grey_codes,
    wedge_picture,
    with_box,
    with_scale_bar,
    with_void,
)
from deepsxt_core.workspace import Tomogram
from shared import inputs, texts

_ICONS = {
    "ok": ":green[:material/check_circle:]",
    "notice": ":blue[:material/info:]",
    "warning": ":orange[:material/warning:]",
}
_VOID_CHOICES = {"found": "Found", "value": "One value", "none": "All are data"}
_BY_FILE: dict[str | type[Any], Callable[[Any], Any]] = {
    Volume: lambda each: (
        each.path,
        each.dataset,
        each.voxel_size_nm,
        each.path.stat().st_mtime_ns,
    )
}


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=_BY_FILE)
def health_of(volume: Volume, void: VoidRule) -> HealthReport:
    """Return what *Open* finds in a tomogram, looked at once."""
    return check_health(volume, void=void)


def _void_shown(volume: Volume, survey: Survey, void: VoidRule) -> tuple[NDArray[np.uint8], int]:
    """Return the middle slice of a tomogram, coloured where nothing was measured."""
    middle = volume.shape[0] // 2
    image = volume.read(middle, middle + 1)[0]
    grey = grey_codes(image, survey.low, survey.high)
    size = volume.voxel_size_nm
    picture = with_void(grey, void.valid(image))
    return with_scale_bar(picture, size.x if size else None), middle + 1


def _boxed(volume: Volume, survey: Survey, region: Region) -> tuple[NDArray[np.uint8], int]:
    """Return the middle slice of a region in its tomogram, with the region framed."""
    (z0, z1), rows, columns = region.within(volume.shape)
    middle = (z0 + z1) // 2
    grey = grey_codes(volume.read(middle, middle + 1)[0], survey.low, survey.high)
    size = volume.voxel_size_nm
    return with_scale_bar(with_box(grey, rows, columns), size.x if size else None), middle + 1


def health_card(volume: Volume, survey: Survey, void: VoidRule) -> HealthReport:
    """Tell how fit the tomogram is, with pictures; return what was found."""
    with st.container(border=True, key="health"):
        st.markdown("**Health**")
        with st.spinner("Looking at slices spread through the tomogram …", show_time=True):
            report = health_of(volume, void)
        words, pictures = st.columns([3, 2], gap="medium")
        with words:
            fine = [each for each in report.findings if each.level == "ok"]
            for finding in report.findings:
                if finding.level != "ok":
                    st.markdown(f"{_ICONS[finding.level]} {texts.escaped(str(finding))}")
            with st.expander(f"{len(fine)} without complaint", icon=":material/check:"):
                for finding in fine:
                    st.markdown(f"{_ICONS['ok']} {texts.escaped(str(finding))}")
        with pictures:
            if report.valid_share < 1:
                picture, number = _void_shown(volume, survey, void)
                st.image(
                    picture,
                    caption=f"Slice {number}: {report.valid_share:.1%} of the voxels count; in "
                    "colour, where nothing was measured",
                    width="stretch",
                )
            region = suggested_region(report, volume)
            if region is not None:
                picture, number = _boxed(volume, survey, region)
                said = f"Borders on slice {number}, dimmed"
                st.image(picture, caption=said, alt=said, width="stretch")
            if report.wedge is not None:
                wedge = report.wedge
                st.image(
                    wedge_picture(wedge),
                    caption=f"Power spectrum seen along {wedge.tilt_axis}; {wedge.missing_axis} "
                    "runs upwards. Dark is what was not recorded.",
                    alt="Power spectrum with the missing wedge",
                    width=240,
                )
    return report


def void_rule(tomogram: Tomogram) -> VoidRule:
    """Return which voxels of a tomogram count."""
    return VoidRule(tomogram.void, tomogram.void_value)


def void_card(tomogram: Tomogram) -> None:
    """Let the user say where nothing was measured."""
    with st.container(border=True, key="void"):
        now = "none" if not tomogram.void else "found" if tomogram.void_value is None else "value"
        choice = st.segmented_control(
            "Where nothing was measured",
            list(_VOID_CHOICES),
            default=now,
            required=True,
            format_func=_VOID_CHOICES.__getitem__,
            help=declared_field(SegmentParams, "void").help,
            key=f"void_{tomogram.id}",
        )
        value = None
        if choice == "value":
            value = inputs.number(
                SegmentParams,
                "void_value",
                "Grey value",
                value=tomogram.void_value,
                key=f"void_value_{tomogram.id}",
            )
            if value is None:
                st.caption("Until you give it, the void is found.")
        if (choice != "none", value) != (tomogram.void, tomogram.void_value):
            tomogram.update(void=choice != "none", void_value=value)
            st.rerun()


def crop_card(tomogram: Tomogram, volume: Volume, survey: Survey, suggested: Region | None) -> None:
    """Let the user choose the part that is segmented, and how coarsely."""
    with st.container(border=True, key="crop"):
        st.markdown(
            "**Crop and bin**",
            help="Only this part is segmented. Results lie where they lie in the whole "
            "tomogram, and nothing is thrown away.",
        )
        chosen = tomogram.region
        if suggested is not None and st.button(
            "Leave out the borders", icon=":material/crop:", disabled=suggested.crop == chosen.crop
        ):
            _keep(tomogram, Region.parse(suggested.crop, chosen.bin))
        controls, picture = st.columns([2, 3], gap="medium")
        with controls:
            ranges = {
                axis: _range(tomogram, axis, n, getattr(chosen, axis))
                for axis, n in zip("zyx", volume.shape, strict=True)
            }
            factor = st.segmented_control(
                "Average",
                BINNINGS,
                default=chosen.bin,
                required=True,
                key=f"bin_{tomogram.id}_{chosen.bin}",
                format_func=lambda each: "Off" if each == 1 else f"{each}×",
                help="2 × 2 × 2 or 4 × 4 × 4 voxels become one: less noise, coarser, 8 or 64 "
                "times faster.",
            )
            region = Region(**ranges, bin=factor)
            try:
                part = volume.geometry.part(region, volume.shape)
                shape = region.shape_of(volume.shape)
            except DeepSXTError as error:
                st.error(texts.escaped(str(error)), icon=":material/error:")
                return
            st.caption(texts.voxels_of_text(shape, part.voxel_size_nm))
        if region != chosen:
            _keep(tomogram, region)
        with picture:
            image, number = _boxed(volume, survey, region)
            said = f"Slice {number} of the tomogram"
            st.image(image, caption=said, alt=said, width="stretch")


def _range(
    tomogram: Tomogram, axis: str, length: int, now: tuple[int, int | None]
) -> tuple[int, int | None]:
    if length == 1:
        return 0, None
    first, end = st.slider(
        f"{axis} (voxels)",
        0,
        length,
        (now[0], length if now[1] is None else now[1]),
        key=f"crop_{axis}_{tomogram.id}_{now}",
    )
    if first == end:
        first, end = (first - 1, end) if end == length else (first, end + 1)
    return first, None if end == length else end


def _keep(tomogram: Tomogram, region: Region) -> None:
    tomogram.update(region=region)
    st.rerun()
