"""A hook of mkdocs: the gallery, drawn while the site is built.

``docs/gallery/index.md`` is the first page. This adds the thumbnails to it, a page for each example, their pictures on
light and on dark ground, and interactive pages. Whatever cannot be drawn ends the build, and the message names the
example.
"""

from __future__ import annotations

from typing import Any

import gallery_pages
import matplotlib
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from adjoint import gallery

matplotlib.use("Agg")

FOLDER = "gallery"
MARK = "<!-- the hook puts the pictures here -->"


def on_config(config: Any) -> Any:
    """Put a page for each example into the navigation."""
    for entry in config.nav or []:
        if isinstance(entry, dict) and entry.get("Gallery") == f"{FOLDER}/index.md":
            groups = [
                {gallery_pages.HEADINGS[group]: [{each.title: f"{FOLDER}/{each.name}.md"} for each in members]}
                for group, members in gallery_pages.grouped()
            ]
            entry["Gallery"] = [{"Overview": f"{FOLDER}/index.md"}, *groups]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is drawn."""
    for example in gallery.examples():
        try:
            drawn = gallery_pages.draw(example.name)
        except RuntimeError as error:
            raise PluginError(str(error)) from error
        files.append(File.generated(config, f"{FOLDER}/{example.name}.md", content=drawn.page))
        for address, content in drawn.files.items():
            files.append(File.generated(config, f"{FOLDER}/{address}", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Put the thumbnails into the first page."""
    if page.file.src_uri != f"{FOLDER}/index.md":
        return markdown
    return markdown.replace(MARK, gallery_pages.thumbnails())
