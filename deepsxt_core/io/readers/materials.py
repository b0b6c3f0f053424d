"""What label files call their labels: Amira's materials, and the segments of 3D Slicer."""

import re
from collections.abc import Mapping

from deepsxt_core.volume import Tag

_OPENED = re.compile(r"\bMaterials\s*\{")
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]|[^\s{}",]+')
_MOST = 1 << 16
_GREY = "#b0b0b0"
_SEGMENT = re.compile(r"Segment(\d+)_LabelValue", re.IGNORECASE)


def amira_materials(header: str) -> dict[int, Tag]:
    """Return names and colours by label: that of a material is its place in the list, from 0."""
    found = _OPENED.search(header)
    if found is None:
        return {}
    tags: dict[int, Tag] = {}
    depth, name, colour, before = 1, "", _GREY, ""
    parts = _PART.findall(header[found.end() :])
    for place, part in enumerate(parts):
        if part == "{":
            depth += 1
            if depth == 2:
                name, colour = before, _GREY
        elif part == "}":
            depth -= 1
            if depth == 1:
                tags[len(tags)] = Tag(name.strip('"'), "material", colour)
            elif depth == 0 or len(tags) > _MOST:
                break
        elif part == "Color" and depth == 2:
            colour = _colour(parts[place + 1 : place + 4])
        before = part
    return {label: tag for label, tag in tags.items() if label > 0}


def slicer_segments(fields: Mapping[str, object]) -> dict[int, Tag]:
    """Return names and colours by label, from the fields of a segmentation of 3D Slicer."""
    tags = {}
    for key, value in fields.items():
        found = _SEGMENT.fullmatch(key)
        if found is None or not str(value).strip().isdecimal():
            continue
        own = {name: fields.get(f"Segment{found[1]}_{name}", "") for name in ("Name", "Color")}
        label = int(str(value))
        name = str(own["Name"]) or f"Segment {label}"
        tags[label] = Tag(name, "segment", _colour(str(own["Color"]).split()))
    return tags


def _colour(numbers: list[str]) -> str:
    """Return three numbers from 0 to 1 as a colour; grey where they are none."""
    try:
        red, green, blue = (round(255 * min(max(float(n), 0.0), 1.0)) for n in numbers)
    except ValueError:
        return _GREY
    return f"#{red:02x}{green:02x}{blue:02x}"
