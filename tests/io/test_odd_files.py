"""A few dozen of the files of ``python -m tests.io.odd_files``, which opens thousands."""

import warnings

import pytest

from tests.io.odd_files import judged, make_case
from tests.io.odd_writers import WRITERS

CASES = 3 * len(WRITERS)


@pytest.mark.parametrize("index", range(CASES))
def test_an_odd_file_is_what_it_says_or_a_word_tells(tmp_path, index):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, path, truth = make_case(index, 2, tmp_path)
        outcome, details = judged(path, truth)
    assert not outcome.startswith("!"), f"{outcome}: {truth.choices} {details}"
