"""The site needs no other host: a page that would load something from elsewhere is a warning, which fails a strict build."""

from __future__ import annotations

import logging
import re
from typing import Any

LOADED = re.compile(r"""<(?:script|link|img|iframe|source|video|audio)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^\s"'>]+)""")
log = logging.getLogger("mkdocs.outside")


def loaded(html: str) -> list[str]:
    """What a page loads from other hosts by itself; links that a reader may follow are none of it."""
    return LOADED.findall(html)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Called by mkdocs with each page that it has made."""
    for address in loaded(output):
        log.warning("%s loads %s; the site has to work without other hosts", page.file.src_uri, address)
    return output
