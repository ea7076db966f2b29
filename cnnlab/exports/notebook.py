"""A run's script as a notebook: a cell for each of its parts, under a heading."""

from __future__ import annotations

from cnnlab.exports.packages import needed
from cnnlab.exports.script import Recipe, introduction, parts
from cnnlab.exports.words import TEXTS, Language, in_language, plain

_INSTALL = "# %pip install torch torchvision"


def notebook(recipe: Recipe, language: Language = "en") -> str:
    """The notebook's JSON. It runs from top to bottom; Colab and Kaggle have all that it imports.

    Raises InstallationError without nbformat.
    """
    nbformat, v4 = needed("nbformat", "nbformat.v4", purpose="a notebook")
    begin, *rest = parts(recipe, language)
    text = introduction(recipe, language)
    install = f"{_INSTALL}  {in_language(TEXTS['install'], language)}\n{begin.code}"
    cells = [v4.new_markdown_cell(f"# {plain(recipe.config.title)}\n\n{text}"), v4.new_code_cell(install)]
    for part in rest:
        if part.heading:
            cells.append(v4.new_markdown_cell(f"## {part.heading}"))
        cells.append(v4.new_code_cell(part.code))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # else each export of one run would be another file
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    written = v4.new_notebook(cells=cells, metadata=kernel | {"language_info": {"name": "python"}})
    nbformat.validate(written)
    return nbformat.writes(written)


def program_of(text: str) -> str:
    """The code of a notebook, up to its last cell, which runs it: what a check imports."""
    (nbformat,) = needed("nbformat", purpose="a notebook")
    cells = [cell.source for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
    return "\n\n\n".join(cells[:-1]) + "\n"
