"""The parts of a script that load images and prepare them, as `training/transforms.py` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab import datasets
from cnnlab.datasets import own
from cnnlab.datasets.catalogue import GRAY
from cnnlab.exports.words import TEXTS, Language, in_language

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.training.transforms import Preparation

_IDX = '''\
def read_idx(path):
    #: idx
    content = bytearray(gzip.open(path).read())
    dimensions = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    values = torch.frombuffer(content, dtype=torch.uint8, offset=4 + 4 * dimensions)
    return values.reshape(shape)


def load_images(train):
    """Images as bytes, N×1×28×28, and their classes as numbers, N."""
    if not FOLDER.exists():
        raise SystemExit(f"no_images")
    name = "train" if train else "t10k"
    images = read_idx(FOLDER / f"{name}-images-idx3-ubyte.gz")
    labels = read_idx(FOLDER / f"{name}-labels-idx1-ubyte.gz")
    #: bytes
    return images[:, None], labels.long()
'''
_GRAY_SET = '''\
def load_images(train):
    """Images as bytes, N×1×28×28, and their classes as numbers, N."""
    data = datasets.{name}(FOLDER, train=train, download=True)
    #: bytes
    return data.data[:, None], data.targets
'''
_CIFAR = '''\
def load_images(train):
    """Images as bytes, N×3×32×32, and their classes as numbers, N."""
    data = datasets.CIFAR10(FOLDER, train=train, download=True)
    #: bytes
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(data.targets)
'''
_OWN = '''\
def load_images(train):
    """Images as bytes, N×{channels}×{size}×{size}, and their classes as numbers, N."""
    if not FOLDER.exists():
        raise SystemExit(f"no_images")
    name = "train" if train else "test"
    #: bytes
    content = bytearray((FOLDER / f"{{name}}.u8").read_bytes())
    images = torch.frombuffer(content, dtype=torch.uint8).reshape(-1, {channels}, {size}, {size})
    #: npy
    content = bytearray((FOLDER / f"{{name}}.labels.npy").read_bytes())
    start = 10 + int.from_bytes(content[8:10], "little")
    labels = torch.frombuffer(content, dtype=torch.int16, offset=start).long()
    return images, labels
'''
_KEPT = """\
#: own_aside
    kept = torch.ones(len(labels), dtype=torch.bool)
    kept[LEFT_OUT[name]] = False
    return images[kept], labels[kept]
"""
_LOADERS = {
    "sample": _IDX,
    "fashion-mnist": _GRAY_SET.format(name="FashionMNIST"),
    "mnist": _GRAY_SET.format(name="MNIST"),
    "cifar10": _CIFAR,
}
_CHOOSE = '''\
def choose(labels, count, seed):
    """The numbers of `count` images, the same share of each class, in ascending order."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    shuffled = labels[order]
    by_class = torch.argsort(shuffled, stable=True)
    sizes = torch.bincount(shuffled)
    starts = torch.cumsum(sizes, 0) - sizes
    place = torch.empty(len(labels), dtype=torch.float64)
    classes = shuffled[by_class]
    place[by_class] = (torch.arange(len(labels)) - starts[classes] + 0.5).double() / sizes[classes]
    return order[torch.argsort(place, stable=True)[:count]].sort().values
'''
_SEED_FOR = """\
def seed_for(epoch, purpose):
    #: seed_for
    digest = hashlib.blake2b(f"{SEED}/{epoch}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
"""


def loading(config: RunConfig, language: Language = "en") -> str:
    """`load_images`, and `seed_for`; `choose` where the run used a part of the images."""
    needs_choice = takes_part(config) or config.validation_share
    loader = _LOADERS.get(config.dataset) or _own(config.dataset)
    loader = loader.replace("no_images", in_language(TEXTS["no_images"], language))
    return "\n\n".join(filter(None, (loader, _SEED_FOR, _CHOOSE if needs_choice else "")))


def left_out(dataset: str) -> dict[str, list[int]]:
    """The images of a user's set that the run's version leaves out; {} where there are none."""
    found = own.find(dataset)
    if found is None or not found.set_aside:
        return {}
    return {split: [each.index for each in found.set_aside if each.split == split] for split in ("train", "test")}


def _own(dataset: str) -> str:
    entry = datasets.entry(dataset)
    code = _OWN.format(channels=entry.channels, size=entry.size)
    return code.replace("    return images, labels\n", f"    {_KEPT}") if left_out(dataset) else code


def takes_part(config: RunConfig) -> bool:
    """Whether the run used a part of the data set."""
    return config.data_share < 1 or config.limit is not None


def preparing(config: RunConfig, preparation: Preparation) -> str:
    """`prepare`, and `augment` where training images are varied at random."""
    entry = datasets.entry(config.dataset)
    own, channels, size = entry.channels, preparation.channels, preparation.image_size
    constants, lines = _scaling(own, preparation)
    augmented, gray = _augmenting(own, preparation)
    steps = ["if generator is not None:", "    images = augment(images, generator)"] if augmented else []
    if gray:
        steps = ["if generator is not None:", *(["    images = augment(images, generator)"] if augmented else [])]
        steps += ["    gray = torch.rand(len(images), generator=generator) < GRAY_SHARE"]
    steps += ["#: scale", "images = images.float() / 255"]
    if gray:
        steps += [
            "if generator is not None:",
            "    #: gray",
            "    images = torch.where(gray.to(images.device)[:, None, None, None], to_gray(images), images)",
        ]
    steps += lines
    if size != entry.size:
        shrinks = ", antialias=True" if size < entry.size else ""
        steps += ["#: resize", f'images = F.interpolate(images, size=({size}, {size}), mode="bilinear"{shrinks})']
    random = augmented or gray
    doc = f"Bytes N×{own}×{entry.size}×{entry.size} to the network's input N×{channels}×{size}×{size}"
    doc += "; with a generator, varied at random as in training." if random else "."
    body = "\n".join(f"    {line}" for line in steps)
    function = f'def prepare(images{", generator=None" if random else ""}):\n    """{doc}"""\n{body}\n    return images\n'
    mixes = gray or (channels == 1 and own == 3)
    return "\n\n".join(filter(None, (constants, _TO_GRAY if mixes else "", augmented, function)))


_TO_GRAY = f"""\
def to_gray(images):
    #: to_gray
    red, green, blue = images.unbind(1)
    return (red * {GRAY[0]} + green * {GRAY[1]} + blue * {GRAY[2]})[:, None]
"""


def _scaling(own: int, preparation: Preparation) -> tuple[str, list[str]]:
    """Constants, and the lines for channels and normalisation."""
    constants, lines = [], []
    if preparation.channels == 1 and own == 3:
        lines.append("images = to_gray(images)")
    elif preparation.channels == 3 and own == 1:
        lines += ["#: to_colour", "images = images.repeat(1, 3, 1, 1)"]
    if preparation.normalization == "half":
        lines += ["#: half", "images = (images - 0.5) / 0.5"]
    elif preparation.normalization == "dataset":
        for name, values in (("MEAN", preparation.mean), ("DEVIATION", preparation.std)):
            constants.append(f"{name} = torch.tensor({list(values)!r}, device=device)[:, None, None]")
        constants.insert(0, "#: statistics")
        lines.append("images = (images - MEAN) / DEVIATION")
    if preparation.random_crop:
        constants.append(f"SHIFT = {preparation.random_crop}")
    if preparation.random_grayscale:
        constants.append(f"GRAY_SHARE = {preparation.random_grayscale!r}")
    return "".join(f"{line}\n" for line in constants), lines


def _augmenting(own: int, preparation: Preparation) -> tuple[str, bool]:
    """`augment`, and whether images lose their colour at random. Draws come in the order of the lab's."""
    draws, steps = [], []
    if preparation.random_crop:
        draws.append("shifts = torch.randint(0, 2 * SHIFT + 1, (2, len(images)), generator=generator)")
        steps += [
            "#: shift",
            "height, width = images.shape[2:]",
            "padded = F.pad(images, (SHIFT,) * 4)",
            "moved = zip(padded, *shifts.tolist())",
            "images = torch.stack([image[:, y : y + height, x : x + width] for image, y, x in moved])",
        ]
    if preparation.horizontal_flip:
        draws.append("mirrored = torch.rand(len(images), generator=generator) < 0.5")
        steps += ["#: flip", "images = torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(3), images)"]
    gray = bool(preparation.random_grayscale) and preparation.channels == own == 3
    if not draws:
        return "", gray
    body = "\n".join(f"    {line}" for line in (*draws, *steps))
    return f"def augment(images, generator):\n{body}\n    return images\n", gray
