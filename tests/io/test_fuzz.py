"""A handful of the damaged files of ``make fuzz``, so that the script itself stays alive."""

import warnings

from fuzz_readers import make_case, make_seeds, seed_paths, use

FILES = 200


def test_damaged_files_are_answered_or_refused(tmp_path):
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    make_seeds(seeds)
    outcomes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in range(FILES):
            make_case(index, 0, seed_paths(seeds), tmp_path / "case")
            outcomes.add(use(tmp_path / "case"))
    assert {"Volume", "UnreadableFileError"} <= outcomes
