"""A text as a QR code, drawn as SVG inside the page: no picture to fetch, no inline style."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr(text: str) -> Markup:
    """The <svg>, black on nothing: it needs a light ground. What it says stands beside it, so screen readers pass over it."""
    drawn = segno.make_qr(text, error="m").svg_inline(border=2, omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))
