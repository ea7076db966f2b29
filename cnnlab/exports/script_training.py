"""The parts of a script that train a network and evaluate it, as `training/session.py` and `training/step.py` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import card
from cnnlab.exports.script_images import takes_part
from cnnlab.exports.words import TEXTS, Language, in_language
from cnnlab.training import momentum
from cnnlab.training.layout import strided_pointwise

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

_SCHEDULES = {
    "step": "return {step_factor!r} ** (step // ({step_epochs} * batches))",
    "cosine": "return (1 + math.cos(math.pi * step / (EPOCHS * batches))) / 2",
    "one-cycle": "return one_cycle(step, EPOCHS * batches, 1 / 25, 1.0, 1 / 250_000)",
    "warm-up": "return min(1.0, (step + 1) / ({warmup_epochs} * batches))",
}
_ONE_CYCLE = '''\
def one_cycle(step, steps, first, peak, last):
    """From `first` to `peak` in the first 30 % of the steps, then to `last`, along half waves."""
    turn, end = 0.3 * steps - 1, steps - 1
    if step <= turn:
        start, goal, share = first, peak, step / turn
    else:
        start, goal, share = peak, last, min(1.0, (step - turn) / (end - turn))
    return goal + (start - goal) * (1 + math.cos(math.pi * share)) / 2
'''
_BATCHES = '''\
def batches(images, epoch):
    """The numbers of the images in each batch of an epoch, in the order that the seed draws."""
    order = torch.randperm(images, generator=torch.Generator().manual_seed(seed_for(epoch, "order")))
    parts = list(order.split(BATCH_SIZE))
    if len(parts) > 1 and len(parts[-1]) == 1:
        #: lone
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
'''
_AUTOCAST = "with torch.autocast(device.type, dtype=torch.bfloat16):"


def first_weights(config: RunConfig) -> str:
    """`new_network`: built, and its weights drawn."""
    lines = ["#: seed_first", "torch.manual_seed(SEED)", "network = build_network()"]
    if config.initialization != "pytorch":
        draw = "xavier_uniform_(layer.weight)"
        if config.initialization == "kaiming":
            draw = 'kaiming_uniform_(layer.weight, nonlinearity="relu")'
        lines += [
            "#: initial",
            "for layer in network.modules():",
            "    if isinstance(layer, (nn.Conv2d, nn.Linear)):",
            f"        nn.init.{draw}",
        ]
    return "def new_network():\n" + "".join(f"    {line}\n" for line in (*lines, "return network"))


def evaluation(precision: str) -> str:
    """`logits_of` and `evaluate`."""
    call = "network(prepare(part.to(device)))"
    loop = [f"logits.append({call}.float().cpu())"]
    if precision == "bfloat16":
        loop = ["#: bfloat16", _AUTOCAST, f"    {loop[0]}"]
    body = "".join(f"        {line}\n" for line in loop)
    return (
        "def logits_of(network, images):\n    #: logits\n    network.eval()\n    logits = []\n"
        "    #: no_grad\n    with torch.no_grad():\n        for part in images.split(BATCH_SIZE):\n"
        + "".join(f"    {line}\n" for line in body.splitlines())
        + "    return torch.cat(logits)\n\n\n"
        "def evaluate(network, images, labels):\n"
        '    """Mean loss an image, and the share that is right."""\n'
        "    logits = logits_of(network, images)\n"
        "    right = (logits.argmax(1) == labels).double().mean().item()\n"
        "    return F.cross_entropy(logits, labels).item(), right\n"
    )


def training(config: RunConfig, precision: str) -> str:
    """`batches`, what the schedule needs, and `train_epoch`."""
    found = []
    cycles = momentum.cycles(config)
    if config.schedule == "one-cycle":
        found.append(_ONE_CYCLE)
    if config.schedule != "constant":
        code = _SCHEDULES[config.schedule].format(**config.model_dump())
        found.append(f"def rate(step, batches):\n    #: rate\n    {code}\n")
    return "\n\n".join((_BATCHES, *found, _train_epoch(config, precision, cycles=cycles)))


def _train_epoch(config: RunConfig, precision: str, *, cycles: bool) -> str:
    random = _random(config)
    before = [
        "#: train_mode",
        "network.train()",
        "loss_sum = torch.zeros((), device=device)",
        "right = torch.zeros((), device=device)",
    ]
    before.append("parts = batches(len(images), epoch)")
    if random:
        before.append('generator = torch.Generator().manual_seed(seed_for(epoch, "augmentation"))')
    numbered = config.schedule != "constant"
    loop = ["for number, batch in enumerate(parts):" if numbered else "for batch in parts:"]
    steps = []
    if numbered:
        steps += ["step = (epoch - 1) * len(parts) + number", "for group in optimizer.param_groups:"]
        steps.append('    group["lr"] = LEARNING_RATE * rate(step, len(parts))')
    if cycles:
        value = f"one_cycle(step, EPOCHS * len(parts), {momentum.MOST}, {momentum.LEAST}, {momentum.MOST})"
        name = '"momentum"' if config.optimizer in ("sgd", "rmsprop") else '"betas"'
        steps += ["    #: cycle", f"    group[{name}] = {value if 'momentum' in name else f'({value}, 0.999)'}"]
    steps += [f"inputs = prepare(images[batch].to(device){', generator' if random else ''})", "targets = labels[batch].to(device)"]
    forward = ["logits = network(inputs)"]
    if precision == "bfloat16":
        forward = ["#: bfloat16", _AUTOCAST, "    logits = network(inputs)", "logits = logits.float()"]
    smoothed = f", label_smoothing={config.label_smoothing!r}" if config.label_smoothing else ""
    steps += [*forward, f"loss = F.cross_entropy(logits, targets{smoothed})"]
    steps += ["#: zero", "optimizer.zero_grad()", "loss.backward()"]
    if config.gradient_clip is not None:
        steps += ["#: clip", f"nn.utils.clip_grad_norm_(network.parameters(), {config.gradient_clip!r})"]
    steps.append("optimizer.step()")
    if smoothed:
        steps += ["#: smoothing", "loss = F.cross_entropy(logits.detach(), targets)"]
    steps += ["#: by_images", "loss_sum += loss.detach() * len(batch)", "right += (logits.argmax(1) == targets).sum()"]
    lines = [*before, *loop, *(f"    {step}" for step in steps), "return loss_sum.item() / len(images), right.item() / len(images)"]
    doc = '    """Mean loss an image, and the share that was right while training."""\n'
    return "def train_epoch(network, optimizer, images, labels, epoch):\n" + doc + "".join(f"    {line}\n" for line in lines)


def _random(config: RunConfig) -> bool:
    from cnnlab import datasets

    gray = config.random_grayscale and config.channels == datasets.entry(config.dataset).channels == 3
    return bool(config.random_crop or config.horizontal_flip or gray)


def main(config: RunConfig, language: Language) -> str:
    """`main`, which trains, prints each epoch and returns the network of the best one."""
    kept = config.validation_share > 0
    lines = ["train_images, train_labels = load_images(train=True)", "test_images, test_labels = load_images(train=False)"]
    if takes_part(config):
        lines += _part(config)
    if kept:
        lines += [
            "#: aside",
            f"count = max(1, round({config.validation_share!r} * len(train_labels)))",
            'aside = choose(train_labels, count, seed_for(0, "validation"))',
            "rest = torch.ones(len(train_labels), dtype=torch.bool)",
            "rest[aside] = False",
            "validation_images, validation_labels = train_images[aside], train_labels[aside]",
            "train_images, train_labels = train_images[rest], train_labels[rest]",
        ]
    drafted = card(config.architecture).draft(config.input_shape, config.classes, config.options)
    if strided_pointwise(drafted):
        lines += ["#: contiguous", "network = new_network().to(device)"]
    else:
        lines += ["#: channels_last", "network = new_network().to(device, memory_format=torch.channels_last)"]
    lines += [f"optimizer = {_optimizer(config)}", "best_score, best_epoch, best_accuracy, best_weights = -1.0, 0, 0.0, None"]
    loop = ["loss, accuracy = train_epoch(network, optimizer, train_images, train_labels, epoch)"]
    words = ["epoch", "test"]
    if kept:
        loop.append("validation_loss, score = evaluate(network, validation_images, validation_labels)")
        words.insert(1, "validation")
    loop.append("test_loss, test_accuracy = evaluate(network, test_images, test_labels)")
    separator = "; " if language == "en" else "；"
    shown = [in_language(TEXTS[word], language) for word in words]
    printed = [f'    f"{text}{separator if text != shown[-1] else ""}"' for text in shown]
    loop += ["print(", *printed[:-1], f"{printed[-1]},", "    flush=True,", ")"]
    score = "score" if kept else "test_accuracy"
    loop += [f"#: {'keep' if kept else 'by_test'}", f"if {score} > best_score:"]
    loop.append(f"    best_score, best_epoch, best_accuracy = {score}, epoch, test_accuracy")
    loop.append("    best_weights = {name: values.clone() for name, values in network.state_dict().items()}")
    if config.patience is not None:
        loop += ["#: patience", f"if epoch - best_epoch >= {config.patience}:", "    break"]
    lines += ["for epoch in range(1, EPOCHS + 1):", *(f"    {line}" for line in loop)]
    lines += [f'print(f"{in_language(TEXTS["best"], language)}")', "network.load_state_dict(best_weights)", "return network"]
    return "def main():\n" + "".join(f"    {line}\n" for line in lines)


def _part(config: RunConfig) -> list[str]:
    counted = f"max(1, round({config.data_share!r} * len(train_labels)))" if config.data_share < 1 else "len(train_labels)"
    lines = ["#: share", f"count = {counted}" if config.limit is None else f"count = min({counted}, {config.limit})"]
    lines += ["if count < len(train_labels):", "    chosen = choose(train_labels, count, SEED)"]
    lines.append("    train_images, train_labels = train_images[chosen], train_labels[chosen]")
    if config.limit is not None:
        lines.append(f"test_images, test_labels = test_images[:{config.limit}], test_labels[:{config.limit}]")
    return lines


def _optimizer(config: RunConfig) -> str:
    name = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}[config.optimizer]
    settings = ["network.parameters()", "lr=LEARNING_RATE"]
    if config.optimizer in ("sgd", "rmsprop") and (kept := momentum.first(config)):
        settings.append(f"momentum={kept!r}")
    if config.nesterov and config.optimizer == "sgd":
        settings.append("nesterov=True")
    if config.weight_decay or config.optimizer == "adamw":  # PyTorch's AdamW has a decay of its own by default
        settings.append(f"weight_decay={config.weight_decay!r}")
    return f"torch.optim.{name}({', '.join(settings)})"
