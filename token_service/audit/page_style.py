"""The style of the report's page: the colours and shapes of the programme's own pages (web/static/paper.css)."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--paper:#faf7f2;--surface:#fff;--ink:#1f1b16;--muted:#6b6257;--line:#e5ddd1;--copper:#9a4f1d;
--green:#1f6b4a;--green-soft:#e2f0e8;--amber:#8a5a00;--amber-soft:#f8edd3;--red:#a3281f;--red-soft:#f9e4e1;
--serif:ui-serif,"Iowan Old Style",Georgia,"Liberation Serif",serif;--sans:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){:root{--paper:#171411;--surface:#211d19;--ink:#f2ece3;--muted:#b0a594;--line:#38312a;
--copper:#e29a63;--green:#7cc9a1;--green-soft:#1e3329;--amber:#e0b154;--amber-soft:#35290f;--red:#f0958c;--red-soft:#3b201d}}
*{box-sizing:border-box}
html{font:100%/1.5 var(--sans);-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:64rem;margin:0 auto;padding:1rem;display:grid;grid-template-columns:minmax(0,1fr);gap:1rem}
h1,h2,h3,p,ul,figure{margin:0}
h1,h2,h3{font-family:var(--serif);line-height:1.25}
h1{font-size:1.75rem}
h2{font-size:1.1875rem;margin-bottom:.75rem}
h3{font-size:1rem}
section,header{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:1.5rem}
header{display:flex;gap:1rem;align-items:center}
header.held{background:var(--green-soft)}
header.failed{background:var(--red-soft)}
header.open{background:var(--amber-soft)}
.seal{flex:none;width:3.5rem;height:3.5rem;border:3px solid currentColor;border-radius:50%;display:grid;place-items:center;
font:700 1.75rem/1 var(--serif)}
.held .seal{color:var(--green)}
.failed .seal{color:var(--red)}
.open .seal{color:var(--amber)}
table{width:100%;border-collapse:collapse}
th,td{padding:.5rem .75rem .5rem 0;text-align:left;vertical-align:top;border-top:1px solid var(--line);font-weight:400}
th[scope=row]{font-weight:600}
thead th{border-top:0;color:var(--muted);font-size:.875rem}
.checks td:first-child,.checks th{white-space:nowrap}
.figure{text-align:right}
tr.held b{color:var(--green)}
tr.failed b,li.failed{color:var(--red)}
tr.not_checked b,li.not_checked{color:var(--amber)}
tr.unasked,figcaption p{color:var(--muted)}
ul{padding:0;list-style:none}
li{padding:.25rem 0}
h3+ul{margin-bottom:.75rem}
.plots{display:grid;grid-template-columns:minmax(0,1fr);gap:1.5rem}
figcaption{margin-bottom:.5rem}
figcaption p{font-size:.875rem}
svg{display:block;max-width:100%}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin-top:.5rem;font-size:.875rem}
.legend li{display:flex;gap:.375rem;align-items:center}
.line{stroke:var(--copper)}
.soft,.bar{fill:var(--copper)}
.grid,.frame{stroke:var(--line)}
.zero{stroke:var(--muted)}
.read{color:var(--muted);font-size:.875rem}
.read h2{color:var(--ink)}
@media (min-width:48rem){main{padding:2.25rem 1.5rem;gap:1.5rem}.plots{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media (max-width:30rem){section,header{padding:1rem}.checks thead{display:none}
.checks tr{display:grid;grid-template-columns:auto minmax(0,1fr);column-gap:.75rem;padding:.5rem 0;
border-top:1px solid var(--line)}
.checks th,.checks td{border:0;padding:0}.checks td:last-child{grid-column:1/-1}}
@media print{:root{color-scheme:light;--paper:#fff;--surface:#fff;--ink:#000;--muted:#3f3a33;--line:#b7ada0;--copper:#9a4f1d;
--green:#1f6b4a;--amber:#8a5a00;--red:#a3281f}main{max-width:none;padding:0}
section,header{border-width:1px 0 0;border-radius:0;padding:.75rem 0;background:none}tr,figure,li{break-inside:avoid}}
"""
