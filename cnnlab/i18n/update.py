"""Brings every catalogue up to date with the texts in the code: `python -m cnnlab.i18n.update`. Needs Babel.

A new text is added without a translation, one that is gone is removed, and nothing else changes: entries are ordered by file and
have no line numbers and no date, so that branches that translate different pages merge.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.i18n.language import LOCALE

if TYPE_CHECKING:
    from babel.messages import Catalog

ROOT = Path(__file__).parents[2]
SOURCES = ("app.py", "cnnlab", "pages")
KEYWORDS = {"_": None, "N_": None, "say": None, "ngettext": (1, 2), "nsay": (1, 2)}
_COMMENT = "Translators:"


def extracted() -> Catalog:
    """All texts that are marked in the code."""
    from babel.messages import Catalog
    from babel.messages.extract import extract_from_dir

    texts = Catalog(fuzzy=False)
    for source in SOURCES:
        found = extract_from_dir(
            ROOT / source, [("**.py", "python")], keywords=KEYWORDS, comment_tags=(_COMMENT,), strip_comment_tags=True,
            directory_filter=lambda _: True,  # Babel would skip names that begin with an underscore, such as _parts
        )  # fmt: skip
        for file, _, message, comments, _ in found:
            place = source if file == "." else f"{source}/{Path(file).as_posix()}"
            texts.add(message, locations=[(place, None)], auto_comments=comments)
    return texts


def updated(path: Path, texts: Catalog) -> str:
    """The catalogue at `path` with exactly these texts, below the header that it has."""
    from babel.messages.pofile import read_po, write_po

    header, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    with path.open("rb") as file:
        book = read_po(file, locale=path.parents[1].name)
    book.update(texts, no_fuzzy_matching=True)
    written = BytesIO()
    write_po(written, book, width=0, sort_by_file=True, ignore_obsolete=True, include_lineno=False, omit_header=True)
    return f"{header}\n\n{written.getvalue().decode()}"


def main() -> None:
    texts = extracted()
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/cnnlab.po")):
        path.write_text(text := updated(path, texts), encoding="utf-8", newline="\n")
        missing = text.count('\nmsgstr ""\n\n')
        sys.stdout.write(f"{path.relative_to(ROOT)}: {missing} texts without a translation\n")


if __name__ == "__main__":
    main()
