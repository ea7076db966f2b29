"""The rows of own networks in words, and the rows in which networks differ. Texts are in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.architectures.own.network import Layer, Network
from cnnlab.i18n import _, ngettext, translated
from cnnlab.text import listed

ABSENT = "–"  # a row that the network does not have
MOST_DIFFERING = 30  # rows that a table shows


def settings_words(layer: Layer) -> str:
    """The settings of a row: "16 channels, 3×3, stride 1, padding 1"."""
    s = layer.settings
    words = []
    for name in ("channels", "units"):
        if name in s:
            form = ngettext("{count} channel", "{count} channels", s[name]) if name == "channels" else ""
            form = form or ngettext("{count} unit", "{count} units", s[name])
            words.append(form.format(count=s[name]) if s[name] else _("one a class"))
    if "pooling" in s and layer.kind != "inception":
        words.append(_("maximum") if s["pooling"] == "max" else _("average"))
    if "kernel" in s:
        words.append(f"{s['kernel']}×{s['kernel']}")
    if s.get("stride", 1) != 1:
        words.append(_("stride {side}").format(side=s["stride"]))
    if s.get("padding"):
        words.append(_("pad {side}").format(side=s["padding"]))
    for option in layer.of.options:
        if option.name in ("channels", "units", "pooling", "kernel", "stride", "padding"):
            continue
        if option.type == "bool":
            if s[option.name] != option.default:
                words.append(
                    (_("with {what}") if s[option.name] else _("without {what}")).format(what=translated(option.title).lower())
                )
        elif option.name in ("function", "activation"):
            words.append({"relu": "ReLU", "gelu": "GELU"}.get(str(s[option.name]), str(s[option.name])))
        elif s[option.name] != option.default or option.name != "dropout":
            words.append(f"{translated(option.title)} {s[option.name]}")
    return listed(words)


def row_words(layer: Layer) -> str:
    """A row in words: "Convolution: 16 channels, 3×3, stride 1; from conv1"."""
    settings = settings_words(layer)
    words = translated(layer.of.title) + (f"{_(': ')}{settings}" if settings else "")
    return words + (_("; from {rows}").format(rows=listed(layer.inputs)) if layer.inputs else "")


def differing(networks: Sequence[Network | None]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The rows, by name, in which networks differ, with each one's words; ABSENT where a network lacks it, or is None."""
    rows = [{layer.name: layer for layer in network.layers} if network else {} for network in networks]
    found = []
    for name in dict.fromkeys(name for each in rows for name in each):
        words = tuple(row_words(each[name]) if name in each else ABSENT for each in rows)
        if len(set(words)) > 1:
            found.append((name, words))
    return tuple(found[:MOST_DIFFERING])
