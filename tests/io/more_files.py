"""Files that no installed library writes: OLE2 containers, Amira meshes, EM."""

import struct
import zlib

import numpy as np

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ole_file(streams: dict[str, bytes]) -> bytes:
    """Return an OLE2 container of streams called ``folder/name``.

    Each is filled up with zeros to the 4096 bytes from which streams lie in sectors of their own.
    """
    streams = {name: content.ljust(4096, b"\0") for name, content in streams.items()}
    folders = sorted({name.partition("/")[0] for name in streams if "/" in name})
    entries = ["Root Entry", *folders, *streams]
    blocks = [content + bytes(-len(content) % _SECTOR) for content in streams.values()]
    n_directory = -(-len(entries) * 128 // _SECTOR)
    n_data = sum(len(block) // _SECTOR for block in blocks)
    n_fat = 1
    while n_fat * 128 < n_fat + n_directory + n_data:
        n_fat += 1
    fat = [_FAT] * n_fat
    starts = []
    for n in [n_directory, *(len(block) // _SECTOR for block in blocks)]:
        first = len(fat)
        starts.append(first if n else _END)
        fat += [*range(first + 1, first + n), _END] if n else []
    fat += [_FREE] * (n_fat * 128 - len(fat))

    def children(folder: str | None) -> list[int]:
        at_root = [1 + i for i in range(len(folders))] if folder is None else []
        return at_root + [
            1 + len(folders) + i
            for i, name in enumerate(streams)
            if (name.partition("/")[0] if "/" in name else None) == folder
        ]

    right = {}
    for folder in (None, *folders):
        chain = children(folder)
        right |= dict(zip(chain, [*chain[1:], _FREE], strict=True))
    directory = b""
    for index, entry in enumerate(entries):
        name = (entry.rpartition("/")[2] + "\0").encode("utf-16-le")
        kind = 5 if index == 0 else 1 if index <= len(folders) else 2
        inside = children(None if index == 0 else entry) if kind != 2 else []
        child = inside[0] if inside else _FREE
        start, size = _END, 0
        if kind == 2:
            which = index - 1 - len(folders)
            start, size = starts[1 + which], len(streams[entry])
        directory += (
            name.ljust(64, b"\0")
            + struct.pack("<HBBIII", len(name), kind, 1, _FREE, right.get(index, _FREE), child)
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )
    directory += bytes(n_directory * _SECTOR - len(directory))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, n_fat, n_fat, 0, 0, _END, 0, _END, 0
    )
    header += struct.pack(f"<{n_fat}I", *range(n_fat)) + b"\xff" * (4 * (109 - n_fat))
    return header + struct.pack(f"<{len(fat)}I", *fat) + directory + b"".join(blocks)


def zeiss_file(stack, pixel_um=0.013, angles=None) -> bytes:
    """Return a Zeiss container of the stack; with angles, a tilt series."""
    code = {"uint8": 3, "uint16": 5, "float32": 10}[stack.dtype.name]
    depth, height, width = stack.shape
    numbers = {"NoOfImages": depth, "ImageHeight": height, "ImageWidth": width, "DataType": code}
    streams = {f"ImageInfo/{name}": struct.pack("<i", n) for name, n in numbers.items()}
    streams["ImageInfo/PixelSize"] = struct.pack("<f", pixel_um)
    if angles is not None:
        streams["ImageInfo/Angles"] = np.asarray(angles, "<f4").tobytes()
    for z, image in enumerate(stack):
        streams[f"ImageData{z // 100 + 1}/Image{z + 1}"] = image.tobytes()
    return ole_file(streams)


def byte_runs(content: bytes) -> bytes:
    """Return bytes coded as HxByteRLE, runs and literals taking turns."""
    coded, at = bytearray(), 0
    while at < len(content):
        run = 1
        while run < 127 and content[at : at + run + 1] == content[at : at + 1] * (run + 1):
            run += 1
        if run > 2:
            coded += bytes([run, content[at]])
        else:
            run = min(5, len(content) - at)
            coded += bytes([128 + run]) + content[at : at + run]
        at += run
    return bytes(coded)


def amira_file(stack, edges_nm=None, how="raw", origin_nm=(0, 0, 0), unit="nm") -> bytes:
    """Return an Amira mesh of the stack: ``raw``, ``big``, ``zip``, ``rle`` or ``text``."""
    kind = {"uint8": "byte", "uint16": "ushort", "float32": "float"}[stack.dtype.name]
    z, y, x = stack.shape
    first = {"text": "3D ASCII 2.0", "big": "BINARY 2.1"}.get(how, "BINARY-LITTLE-ENDIAN 2.1")
    plain = stack.astype(stack.dtype.newbyteorder(">" if how == "big" else "<")).tobytes()
    packing = {"zip": ("HxZip", zlib.compress), "rle": ("HxByteRLE", byte_runs)}
    section, content = "@1", plain
    if how in packing:
        name, pack = packing[how]
        content = pack(plain)
        section = f"@1({name},{len(content)})"
    elif how == "text":
        content = "\n".join(map(str, stack.ravel())).encode() + b"\n"
    parameters = f'    Content "{x}x{y}x{z} {kind}, uniform coordinates",\n'
    if edges_nm is not None:
        box = " ".join(
            f"{start!r} {start + (n - 1) * edge!r}"
            for n, edge, start in zip((x, y, z), edges_nm[::-1], origin_nm[::-1], strict=True)
        )
        parameters += f"    BoundingBox {box},\n"
        parameters += f'    Units {{\n        Coordinates "{unit}"\n    }}\n' if unit else ""
    text = (
        f"# AmiraMesh {first}\n\n\ndefine Lattice {x} {y} {z}\n\nParameters {{\n{parameters}"
        f'    CoordType "uniform"\n}}\n\nLattice {{ {kind} Data }} {section}\n\n'
        "# Data section follows\n@1\n"
    )
    return text.encode() + content + b"\n"


def em_file(stack, pixel_pm=13000) -> bytes:
    """Return an EM file of the stack."""
    code = {"int8": 1, "int16": 2, "int32": 4, "float32": 5, "float64": 9}[stack.dtype.name]
    header = bytearray(512)
    header[0], header[3] = 6, code
    header[4:16] = struct.pack("<3i", *stack.shape[::-1])
    header[120:124] = struct.pack("<i", pixel_pm)
    return bytes(header) + stack.tobytes()
