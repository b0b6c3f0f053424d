"""Numbers are spelt so that they can be read and are still right."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.numerals import number_text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1130.0, None, "1,130"),
        (12345.6, None, "12,346"),
        (1.23456, None, "1.235"),
        (9.99996, None, "10"),
        (0.0000123456, None, "0.00001235"),
        (1.2e-7, None, "1.2 × 10⁻⁷"),
        (3e14, None, "3 × 10¹⁴"),
        (-20, None, "-20"),
        (0.0, None, "0"),
        (None, None, "–"),
        (math.nan, 1.0, "–"),
        (1.23456, 0.1234, "1.23 ± 0.12"),
        (1.2, 0.0996, "1.20 ± 0.10"),
        (51234.5, 1234.0, "51,234 ± 1,234"),
        (1.5, math.nan, "1.5"),
        (1.5, 0.0, "1.5 ± 0"),
    ],
)
def test_numbers_are_readable(value, error, text):
    assert number_text(value, error) == text


@given(st.floats(1e-6, 9e11))
def test_a_number_is_right_to_its_digits(value):
    read = float(number_text(value).replace(",", ""))
    assert math.isclose(read, value, rel_tol=5.1e-4)
