"""What a camera would see: a browser's screenshot as pixels, and the QR code in it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import zxingcpp

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pixels(png: bytes) -> np.ndarray:
    """The grey values of a screenshot: 8 bits a channel, RGB or RGBA, not interlaced (https://www.w3.org/TR/png-3/)."""
    assert png.startswith(SIGNATURE)
    chunks: dict[bytes, bytes] = {}
    place = len(SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        chunks[kind] = chunks.get(kind, b"") + png[place + 8 : place + 8 + length]
        place += 12 + length
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, interlaced) == (8, 0)
    step = {2: 3, 6: 4}[colour]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * step)
    image = np.zeros((height + 1, (width + 1) * step), np.int32)  # a line above and a pixel before, both black
    for row, line in enumerate(lines, start=1):
        unfilter(int(line[0]), line[1:].astype(np.int32), image[row], image[row - 1], step)
    return np.ascontiguousarray(image[1:, step:].reshape(height, width, step)[:, :, 1].astype(np.uint8))


def unfilter(kind: int, line: np.ndarray, out: np.ndarray, above: np.ndarray, step: int) -> None:
    """Undoes one line's filter: none, sub, up, average or Paeth."""
    if kind in (0, 2):
        out[step:] = (line + (above[step:] if kind else 0)) & 255
        return
    for place, value in enumerate(line):
        left, up, corner = int(out[place]), int(above[place + step]), int(above[place])
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            near = left + up - corner
            guess = min((abs(near - left), 0, left), (abs(near - up), 1, up), (abs(near - corner), 2, corner))[2]
        out[place + step] = (int(value) + guess) & 255


def scanned(png: bytes) -> str:
    """The text of the one QR code in a screenshot, read by a decoder that knows nothing of how we draw."""
    found = zxingcpp.read_barcodes(pixels(png))
    assert len(found) == 1
    return str(found[0].text)
