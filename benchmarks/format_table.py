"""Open every file of a folder and write what came of it as a Markdown table.

python -m benchmarks.format_table FOLDER [--into docs/formats.md]
"""

import argparse
from pathlib import Path

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.io import looks_like_labels, open_volume

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
_NO_DATA = {".md", ".json", ".txt"}


def make_table(folder: Path) -> str:
    """Return the table of all files below `folder`."""
    lines = ["| file | opens as | voxel size (z, y, x) in nm | what is said |", "|---|---|---|---|"]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _NO_DATA and not path.name.startswith("."):
            cells = (path.relative_to(folder).as_posix(), *_row(path))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _row(path: Path) -> tuple[str, str, str]:
    try:
        volume = open_volume(path)
        middle = volume.read(volume.shape[0] // 2, volume.shape[0] // 2 + 1)
        kind = "labels" if looks_like_labels(volume) else "grey values"
        kind = kind if (middle != middle.flat[0]).any() else "one value"
    except DeepSXTError as error:
        return "refused", "", str(error)
    shape = " × ".join(map(str, volume.shape))
    size = volume.voxel_size_nm
    edges = " × ".join(f"{edge:.4g}" for edge in size) if size else "not in the file"
    return f"{volume.format}: {shape} {volume.dtype}, {kind}", edges, " ".join(volume.warnings)


def main() -> None:
    """Print the table, or put it between its marks in a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, help="a document with the marks of the table")
    args = parser.parse_args()
    table = make_table(args.folder)
    if args.into is None:
        print(table)
        return
    text = args.into.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    args.into.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
