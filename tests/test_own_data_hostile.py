"""Archives that were made to do harm: each is read within bounds or refused in one sentence, and writes nowhere else."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from own_files import job, pets, picture, tarred, zipped

from cnnlab.datasets import own
from cnnlab.errors import DataError
from cnnlab.own_data.bringing import bring
from cnnlab.own_data.member import Bounds

SMALL = Bounds(files=200, unpacked=3_000_000, table=2_000_000, picture=1_000_000)
NAMES = (
    *("/etc/passwd.png", "../out.png", "cat/../../out.png", "C:\\out.png", "..\\out.png", "\\\\host\\out.png", "cat/a\0.png"),
    *("cat/./1.png", "cat//1.png", ".png", "cat/con.png", "cat/" + "x" * 2_000 + ".png", "d/" * 40 + "1.png", "cat/\u202egnp.png"),
    *("=cmd|' /C calc'!A0/1.png", "cat/1.PNG", "CAT/1.png", "cat/0.png/0.png", "~/x.png", "$HOME/x.png", "cat/\n.png", "", "/"),
    *("..", "-rf/1.png", "\udcff/1.png"),
)  # fmt: skip


def entry(name: str, content: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(*more: tuple[tarfile.TarInfo, bytes], files=None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as archive:
        for info, content in [*(entry(*each) for each in (files or pets(3)).items()), *more]:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return file.getvalue()


def header(name: bytes, kind: bytes, size: int) -> bytes:
    """A block that begins a file of a tar, with any size."""
    block = bytearray(
        name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + f"{size:011o} ".encode() + b"00000000000 " + b" " * 8 + kind
    )
    block += b"\0" * 100 + b"ustar\x0000" + b"\0" * 247
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def patched(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def made_zip(files, change=None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            archive.writestr(info, content)
    return file.getvalue()


def linked(info):
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


def encrypted() -> bytes:
    content = bytearray(made_zip(pets(2)))
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + flags] |= 1
    return bytes(content)


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for _ in range(2):
                archive.writestr("cat/1.png", picture())
    return file.getvalue()


def wide_dictionary() -> bytes:
    """An .xz that asks for a gigabyte of memory before its first byte."""
    return lzma.compress(
        tar(), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "nice_len": 8}]
    )


ZEROS = zlib.compress(b"")
ATTACKS = {
    "symlink": lambda: tar(entry("cat/l.png", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "hard link": lambda: tar(entry("cat/l.png", type=tarfile.LNKTYPE, linkname="../../x")),
    "device": lambda: tar(entry("cat/null.png", type=tarfile.CHRTYPE)),
    "pipe": lambda: tar(entry("cat/pipe.png", type=tarfile.FIFOTYPE)),
    "twice in a tar": lambda: tar(entry("cat/0.png", picture(9))),
    "absolute": lambda: tar(entry("/cat/x.png", picture(9))),
    "up": lambda: tar(entry("cat/../../../x.png", picture(9))),
    "too many": lambda: tar(*(entry(f"cat/n{n}.txt") for n in range(250))),
    "too large": lambda: tar(entry("big.txt", bytes(4_000_000))),
    "cut in a file": lambda: tar()[:1_500],
    "cut at a header": lambda: tar()[:-10_000].rstrip(b"\0"),
    "noise in a header": lambda: patched(tar(), 2_048, b"\xff" * 300),
    "name of a gigabyte": lambda: header(b"././@LongLink", b"L", 1 << 30) + bytes(8_000_000),
    "times of a gigabyte": lambda: gzip.compress(header(b"pax", b"x", 1 << 30) + bytes(8_000_000)),
    "negative size": lambda: patched(header(b"cat/1.png", b"0", 0), 124, b"\xff" * 12) + tar(),
    "packed zeros": lambda: gzip.compress(tar(entry("big.txt", bytes(20_000_000)))),
    "cut gzip": lambda: gzip.compress(tar())[:-20],
    "wrong checksum of gzip": lambda: patched(packed := gzip.compress(tar()), len(packed) - 8, b"\0\0\0\0"),
    "wide dictionary": wide_dictionary,
    "symlink in a zip": lambda: made_zip(pets(2), linked),
    "encrypted": encrypted,
    "twice in a zip": twice,
    "zip of zeros": lambda: made_zip(pets(2) | {"big.txt": bytes(10_000_000)}),
    "zip cut off": lambda: made_zip(pets(2))[:-30],
    "lzma in a zip": lambda: made_zip(pets(2)).replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x0e\0"),
    "endless list": lambda: made_zip(pets(2))[:-10] + struct.pack("<I", 2**31) + bytes(6),
    "up in a zip": lambda: made_zip(pets(2) | {"../x.png": picture()}),
    "drive in a zip": lambda: made_zip(pets(2) | {"C:\\x.png": picture()}),
}  # fmt: skip


def files_under(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_in_one_sentence_with_little_memory(attack, tmp_path):
    (tmp_path / "x").write_bytes(ATTACKS[attack]())
    before = files_under(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            bring(job(tmp_path / "home", tmp_path / "x", bounds=SMALL))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    sentence = str(caught.value)
    assert (
        sentence.startswith("x is refused: ") and sentence.endswith(".") and "\n" not in sentence and str(tmp_path) not in sentence
    )
    assert peak < 12_000_000, f"{peak:,} bytes"
    assert files_under(tmp_path) == before and not own.sets(tmp_path / "home")


def test_a_picture_that_would_unpack_to_gigabytes_is_left_out_before_it_is_decoded(tmp_path):
    bomb = picture(1)
    wide = bomb[:16] + struct.pack(">II", 60_000, 60_000) + bomb[24:]
    wide = wide[:29] + struct.pack(">I", zlib.crc32(wide[12:29])) + wide[33:]
    made = bring(job(tmp_path / "home", zipped(tmp_path / "x.zip", pets(5) | {"cat/bomb.png": wide})))
    assert made.brought.broken_names == ("cat/bomb.png",)


def hostile(rng: random.Random) -> bytes:
    """A small archive with a few faults that chance chooses."""
    files = {
        f"{name}/{n}.png": picture(rng.randrange(99), size=(9, 9)) for name in ("cat", "dog") for n in range(rng.randrange(1, 5))
    }
    for _ in range(rng.choice((0, 0, 1, 2))):
        name = rng.choice(NAMES)
        files[name if rng.random() < 0.5 else f"cat/{name}"] = rng.choice(
            (picture(), b"", b"x" * 3_000, b"PK\3\4", made_zip({"a": b"b"}))
        )
    if rng.random() < 0.3:
        files["more.npz"] = made_zip({"x_train.npy": b"\x93NUMPY\1\0" + rng.randbytes(40)})
    if rng.random() < 0.5:
        kinds = (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE, b"Z")
        odd = [entry(rng.choice(NAMES), type=rng.choice(kinds), linkname="../../x")] if rng.random() < 0.3 else []
        content = tar(*odd, files=files)
        content = rng.choice((bytes, gzip.compress, lzma.compress))(content)
    else:
        content = made_zip({name.encode("utf-8", "replace").decode(): each for name, each in files.items()})
    for _ in range(rng.choice((0, 0, 0, 1, 3, 30))):
        content = patched(content, rng.randrange(len(content)), rng.randbytes(rng.choice((1, 1, 4, 40))))
    return content[: rng.randrange(len(content))] if rng.random() < 0.15 else content


def test_generated_archives_are_read_or_refused_and_write_nowhere_else(tmp_path, request):
    count = 300 if request.config.getoption("--slow") else 40
    rng, accepted = random.Random(18), 0  # noqa: S311
    home, place = tmp_path / "home", tmp_path / "given"
    place.mkdir()
    for number in range(count):
        (place / "x").write_bytes(hostile(rng))
        try:
            made = bring(job(home, place / "x", f"Set {number}", bounds=SMALL))
        except DataError as error:
            assert "\n" not in str(error) and str(tmp_path) not in str(error) and str(error).endswith("."), number
        else:
            accepted += 1
            assert {path.name for path in own.folder(home, made.name).iterdir()} == {
                "set.json", *(f"{split}.{end}" for split in ("train", "test") for end in ("u8", "labels.npy", "names.json"))
            }, number  # fmt: skip
            for split in ("train", "test"):
                assert len(own.stored(home, made, split).images) == sum(made.counts(split)), number
    assert {path.name for path in tmp_path.iterdir()} == {"home", "given"} and [path.name for path in place.iterdir()] == ["x"]
    assert all(own.is_name(path.name) for path in (home / "own_data").iterdir())
    assert count / 6 < accepted < count * 0.8, accepted  # else the test tests little


def test_links_in_a_folder_are_not_followed(tmp_path):
    from own_files import folder  # a folder is given on the command line, and may hold links to anywhere

    given = folder(tmp_path / "pets", pets(3))
    secret = folder(tmp_path / "secret", {"1.png": picture(5)})
    (given / "cat" / "l.png").symlink_to(secret / "1.png")
    (given / "secret").symlink_to(secret)
    made = bring(job(tmp_path / "home", given))
    assert made.classes == ("cat", "dog") and sum(made.train_counts + made.test_counts) == 6


def test_a_tar_of_each_packing_is_read(tmp_path):
    digests = {
        bring(job(tmp_path / "home", tarred(tmp_path / "x", pets(), f"w{packing}"))).digest
        for packing in ("", ":gz", ":xz", ":bz2")
    }
    assert len(digests) == 1
