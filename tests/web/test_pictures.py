import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from deepsxt_core.export.scale_bar import label_font, scale_bar_length
from deepsxt_core.volume import Volume
from deepsxt_core.web import pictures
from deepsxt_core.web.pictures import (
    OVERLAY_RGB,
    grey_codes,
    overlay,
    survey,
    with_scale_bar,
)


@given(
    arrays(
        np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-100, 100, width=32)
    )
)
def test_grey_codes_keep_the_order_and_reach_both_ends(image):
    codes = grey_codes(image, -10.0, 30.0)
    order = np.argsort(image, axis=None)
    assert np.all(np.diff(codes.ravel()[order].astype(int)) >= 0)
    assert np.all(codes[image <= -10] == 0)
    assert np.all(codes[image >= 30] == 255)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "bool"])
def test_grey_codes_take_any_stored_type(dtype):
    assert grey_codes(np.array([[0, 1]], dtype), 0, 1).tolist() == [[0, 255]]


def test_nan_is_drawn_black():
    assert grey_codes(np.array([[np.nan, 1.0]]), 0, 1).tolist() == [[0, 255]]


def test_survey_ignores_a_few_outliers_and_counts_what_is_not_finite():
    array = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (3, 100, 1))
    array[1, 0, 0] = 1e9
    array[1, 1, :30] = np.nan
    found = survey(Volume.from_array(array))
    assert found.low == pytest.approx(0, abs=0.02)
    assert found.high == pytest.approx(1, abs=0.02)
    assert found.finite_fraction == pytest.approx(1 - 30 / array.size)
    assert len(found.edges) == len(found.counts) + 1


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_survey_of_a_constant_volume_can_be_drawn(value):
    found = survey(Volume.from_array(np.full((2, 8, 8), value, np.float32)))
    assert found.low < found.high


def test_overlay_colours_what_is_above_the_threshold_alone():
    grey = np.full((2, 2), 100, np.uint8)
    score = np.array([[0.5, 0.2], [0.21, -1.0]], np.float32)
    picture = overlay(grey, score, threshold=0.2, opacity=1.0)
    assert picture[0, 0].tolist() == picture[1, 0].tolist() == list(OVERLAY_RGB)
    assert picture[0, 1].tolist() == picture[1, 1].tolist() == [100, 100, 100]


@pytest.mark.parametrize(
    ("width_px", "pixel_nm", "length_px", "label"),
    [
        (1000, 10, 200, "2 µm"),
        (256, 20, 50, "1 µm"),
        (300, 13, 500 / 13, "500 nm"),
        (240, None, 20, "20 px"),
    ],
)
def test_scale_bar_is_a_round_length_of_about_a_fifth(width_px, pixel_nm, length_px, label):
    found_px, found_label = scale_bar_length(width_px, pixel_nm)
    assert found_px == pytest.approx(length_px)
    assert found_label == label
    assert width_px / 15 < found_px <= width_px / 5


def test_scale_bar_is_drawn_at_its_length_and_changes_little_else():
    black = np.zeros((200, 256), np.uint8)
    drawn = with_scale_bar(black, 20.0)
    assert drawn.shape == (200, 256, 3)
    bar_row = drawn[200 - 256 // 40 - 1, :, 0]
    assert np.count_nonzero(bar_row == 255) == 50
    assert not drawn[:150].any()
    assert not black.any()


def test_the_font_of_the_scale_bar_has_the_letter_mu():
    black = np.zeros((200, 256), np.uint8)
    in_um, in_nm = with_scale_bar(black, 20.0), with_scale_bar(black, 0.02)
    labels = [picture[150:188, 6:60].astype(int) for picture in (in_um, in_nm)]
    assert (label_font(20).getmask("µ").getbbox()) != label_font(20).getmask("\uffff").getbbox()
    assert np.abs(labels[0] - labels[1]).sum() > 0


def test_a_tiny_picture_stays_without_scale_bar():
    assert not with_scale_bar(np.zeros((8, 8), np.uint8), None).any()


def test_agreement_has_a_colour_for_each_case_and_dims_what_is_unknown():
    grey = np.full((1, 5), 100, np.uint8)
    marked = np.array([[True, True, False, False, True]])
    true = np.array([[True, False, True, False, True]])
    unknown = np.array([[False, False, False, False, True]])

    picture = pictures.agreement(grey, marked, true, unknown, opacity=1)[0]

    colours = pictures.AGREEMENT_RGB
    assert [tuple(pixel) for pixel in picture] == [
        colours["right"],
        colours["wrong"],
        colours["missed"],
        (100, 100, 100),
        (35, 35, 35),
    ]
