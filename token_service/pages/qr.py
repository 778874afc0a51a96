"""A text as a QR code, drawn as SVG inside the page: no picture to fetch, no inline style."""

from __future__ import annotations

import segno
from markupsafe import Markup

QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004 asks for as much light around it."""


def qr(text: str, *, error: str = "m") -> Markup:
    """The <svg>, black on nothing: it needs a light ground. What it says stands beside it, so screen readers pass over it.

    `error`: how much of it may be covered, from "l" (7 %) to "h" (30 %)."""
    drawn: str = segno.make_qr(text, error=error).svg_inline(
        border=QUIET_ZONE_MODULES, omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))
