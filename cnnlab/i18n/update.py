"""Brings every catalogue up to date with the texts in the code: `python -m cnnlab.i18n.update`. Needs Babel.

A new text is added without a translation, one that is gone is removed, and nothing else changes: entries are ordered by file and
have no line numbers and no date, so that branches that translate different pages merge.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.i18n.language import LOCALE

if TYPE_CHECKING:
    from babel.messages import Catalog

ROOT = Path(__file__).parents[2]
SOURCES = ("app.py", "cnnlab", "pages")
PLURALS = ("ngettext", "nsay")
MARKS = ("_", "N_", "say")
# Rows of tables need no mark where they stand, because `translated` shows them: which arguments of which calls are texts, by place
# or by name.
TABLES: dict[str, dict[str, tuple[int | str, ...]]] = {
    "cnnlab/cli/": {"Typer": ("help",), "Option": ("help",), "Argument": ("help",), "_option": ("help",)},
    "cnnlab/doctor/": {"right": (1,), "look": (1, 2), "wrong": (1, 2)},
    "cnnlab/config.py": {"Field": ("title", "description")},
    "cnnlab/architectures/": {"Option": (1, 4), "Kind": (0,), "register": ("summary", "usual_size")},
    "cnnlab/sweeps/": {"Field": ("title", "description")},
    "cnnlab/taking_away.py": {"Offer": (1, 3)},
    "cnnlab/presets.py": {"Preset": (1, 2, "reaches")},
    "cnnlab/datasets/": {"because": (0,)},
    "cnnlab/datasets/catalogue.py": {"Entry": (1, 2)},
    "cnnlab/own_picture/preparing.py": {"_Plan": (1, 2), "same": (0,)},
    "cnnlab/training/costs.py": {"Part": (1,)},
    "pages/_parts/network_view.py": {"Column": (1, 2)},
}


def extracted() -> Catalog:
    """All texts that are marked in the code."""
    from babel.messages import Catalog

    texts = Catalog(fuzzy=False)
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")) or [ROOT / source]:
            file = path.relative_to(ROOT).as_posix()
            for text in marked(path.read_text(encoding="utf-8"), file):
                texts.add(text, locations=[(file, None)])
    return texts


def marked(code: str, file: str) -> Iterator[str | tuple[str, str]]:
    """The texts of the Python `file`, in their order; one with a plural as a pair. Raises ValueError for an f-string among them."""
    rows = {name: places for start, table in TABLES.items() if file.startswith(start) for name, places in table.items()}
    if "cnnlab.i18n import" in code or file.startswith("cnnlab/i18n/"):  # elsewhere these names are others
        rows |= dict.fromkeys(MARKS, (0,))
    tree = ast.parse(code)
    if file.startswith("cnnlab/cli/"):
        yield from _commands(tree)
    for call in sorted((node for node in ast.walk(tree) if isinstance(node, ast.Call)), key=_place):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in PLURALS:
            singular, plural = (_text(argument) for argument in call.args[:2])
            if singular and plural:
                yield singular, plural
        arguments = {**dict(enumerate(call.args)), **{keyword.arg: keyword.value for keyword in call.keywords}}
        yield from filter(None, (_text(arguments.get(place)) for place in rows.get(name, ())))


def _commands(tree: ast.Module) -> Iterator[str]:
    """The paragraphs of what `--help` prints of each command: a public function with options."""
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and any(_is_option(each) for each in _arguments(function)):
            for paragraph in (ast.get_docstring(function) or "").split("\n\n"):
                yield " ".join(paragraph.split())


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.args, *function.args.kwonlyargs]


def _is_option(argument: ast.arg) -> bool:
    return getattr(argument.annotation, "id", "") == "Home" or "typer" in ast.dump(argument)


def _place(node: ast.Call) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _text(node: ast.AST | None) -> str:
    """A literal's text; "" for anything else."""
    if isinstance(node, ast.JoinedStr):
        raise ValueError(f"Line {node.lineno}: an f-string cannot be translated; use placeholders and .format, or say(…).")
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return text if text.strip() else ""


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
        missing = text.count('\nmsgstr ""\n\n') + text.count('\nmsgstr[0] ""\n')
        sys.stdout.write(f"{path.relative_to(ROOT)}: {missing} texts without a translation\n")


if __name__ == "__main__":
    main()
