"""The comments of exported scripts and notebooks, in English and Chinese."""

from __future__ import annotations

import re
import textwrap
from typing import Literal

Language = Literal["en", "zh"]
_WIDTHS = {"en": 100, "zh": 48}  # characters of a line; a Chinese one takes twice the room

# By the key that stands in the code as "#: key". The first is English, the second Chinese.
COMMENTS: dict[str, tuple[str, str]] = {
    "settings": (
        "The settings of the run. Change one, run it again, and compare.",
        "这次训练的设置。改动其中一项，再运行一次，然后比较。",
    ),
    "threads": (
        "On a CPU another number of threads adds up in another order: the last digits differ, the result does not.",
        "在 CPU 上，线程数不同，求和的顺序就不同：只有最后几位数字不同，结果不变。",
    ),
    "sample": (
        "Where the lab's sample of Fashion-MNIST lies: four files. The page that has this program offers them as sample.zip: "
        "unpack it beside this file. On the lab's machine you can copy the folder cnnlab/datasets/sample instead.",
        "实验室自带的 Fashion-MNIST 样例所在的位置，共四个文件。提供本程序的页面也提供 sample.zip：请把它解压到本文件旁边。"
        "在实验室的机器上，也可以直接复制文件夹 cnnlab/datasets/sample。",
    ),
    "folder": ("Where the images are stored; they are downloaded once.", "图像存放的位置；只下载一次。"),
    "own_folder": (
        "Where your images lie. The page that has this program offers them as a .zip of this name: unpack it beside this file. On "
        "the lab's machine you can copy the folder of this name below own_data, in the lab's folder, instead.",
        "您的图像所在的位置。提供本程序的页面也提供同名的 .zip：请把它解压到本文件旁边。"
        "在实验室的机器上，也可以直接复制实验室文件夹中 own_data 下的同名文件夹。",
    ),
    "npy": (
        "A file of numpy: ten bytes, of which the last two are the length of a text, the text, then the numbers, two bytes each.",
        "numpy 文件：前十个字节（其中最后两个是一段文字的长度）、该段文字，然后是数值，每个占两个字节。",
    ),
    "left_out": ("The numbers of the images that were set aside.", "被搁置图像的编号。"),
    "own_aside": ("Images that were set aside are neither trained on nor tested on.", "被搁置的图像既不用于训练，也不用于测试。"),
    "idx": (
        "An IDX file: two zero bytes, the type of the values, the number of dimensions, each dimension in four bytes, the values.",
        "IDX 文件：两个零字节、数值类型、维数、每一维占四个字节，然后是数值。",
    ),
    "bytes": (
        "All images stay in memory as bytes: a batch is then one selection. Opening and converting every image again in each "
        "epoch, as a DataLoader with transforms does, takes many times as long.",
        "所有图像以字节形式留在内存中：取一个批次只需一次索引。"
        "像带 transforms 的 DataLoader 那样，每轮都逐张转换图像，要慢很多倍。",
    ),
    "share": (
        "The run used a part of the images: the same share of each class, drawn by the seed.",
        "这次训练只用了部分图像：每个类别取相同的比例，由随机种子抽取。",
    ),
    "aside": (
        "Validation images are kept aside from the training images. The best epoch is chosen by them, so the test accuracy is "
        "honest.",
        "验证图像从训练图像中分出。最佳轮次由它们选出，因此测试准确率是可信的。",
    ),
    "by_test": (
        "Trap: the best epoch is chosen by the test images, as in the course, which flatters it slightly. Validation images avoid "
        "that.",
        "陷阱：与课程一样，最佳轮次由测试图像选出，结果略偏乐观。使用验证图像可以避免这一点。",
    ),
    "shift": ("Each image moves by some pixels at random; black comes in at the edges.", "每张图像随机移动几个像素；边缘补黑。"),
    "flip": ("A random half of the images is mirrored.", "随机将一半图像左右翻转。"),
    "gray": ("Some images lose their colour.", "部分图像失去颜色。"),
    "scale": ("Bytes become numbers from 0 to 1.", "字节变为 0 到 1 之间的数。"),
    "to_gray": ("Colour becomes grey: the eye sees green as brightest.", "彩色变灰度：人眼觉得绿色最亮。"),
    "to_colour": ("The network takes three channels, so grey is repeated.", "网络需要三个通道，因此重复灰度通道。"),
    "statistics": (
        "Measured on the training images. Trap: test images must be normalised with the same numbers. The course's program does "
        "not normalise them at all, which costs it most of its accuracy on CIFAR-10.",
        "在训练图像上测得。陷阱：测试图像必须用同样的数值归一化。"
        "课程的程序没有对它们归一化，在 CIFAR-10 上因此损失了大部分准确率。",
    ),
    "half": ("From -1 to 1. Trap: test images need the same step.", "变为 -1 到 1。陷阱：测试图像需要同样的步骤。"),
    "resize": ("Last, because small images cost less until then.", "最后才缩放，因为在此之前小图像计算更省。"),
    "logits": (
        "The network ends with logits, one a class. Trap: no softmax at its end, because cross_entropy takes logits.",
        "网络的输出是 logits，每类一个。陷阱：末尾不要再加 softmax，因为 cross_entropy 接收的就是 logits。",
    ),
    "names": (
        "Each layer has the name that the lab's table gives it, and behind it stands the shape of its output for one image.",
        "每一层都使用实验室表格中的名字，后面注明一张图像经过它之后的形状。",
    ),
    "initial": (
        "The weights of convolutions and dense layers are drawn; biases stay as PyTorch draws them.",
        "抽取卷积层和全连接层的权重；偏置保持 PyTorch 的初始值。",
    ),
    "seed_first": (
        "Trap: the seed comes before the network, because building it draws the first weights.",
        "陷阱：先设随机种子，再建网络，因为建网络时就抽取了初始权重。",
    ),
    "seed_for": (
        "A seed of its own for each purpose and epoch: the order of the images is the run's own, to the last one.",
        "每个用途、每一轮都有自己的种子：图像的顺序与这次训练完全一致。",
    ),
    "lone": (
        "A single image left over joins the batch before: batch norm cannot take a deviation over one value.",
        "最后若只剩一张图像，就并入前一个批次：批归一化无法对单个值求标准差。",
    ),
    "rate": ("The learning rate of each step, as a share of LEARNING_RATE.", "每一步的学习率，表示为 LEARNING_RATE 的倍数。"),
    "cycle": ("Momentum falls while the learning rate rises, and the other way round.", "学习率上升时动量下降，反之亦然。"),
    "train_mode": (
        "train() lets dropout drop and batch norm measure each batch; eval() in logits_of ends both. Trap: forgetting either.",
        "train() 让 dropout 生效、批归一化测量每个批次；logits_of 中的 eval() 结束这两者。陷阱：忘记其中之一。",
    ),
    "zero": (
        "Gradients add up until they are cleared. Clearing them forgets no weight.",
        "梯度会累加，直到被清零。清零并不会忘掉权重。",
    ),
    "smoothing": (
        "Label smoothing aims for slightly less than certainty. The loss printed is without it, so that training and test compare.",
        "标签平滑的目标略低于完全确定。打印的损失不含平滑，便于训练与测试比较。",
    ),
    "clip": ("Longer gradients are shortened, against sudden jumps.", "过长的梯度会被缩短，防止突然跳变。"),
    "by_images": (
        "Trap: cross_entropy is a mean over the batch. Multiplied by its images and divided by all of them, a smaller last batch "
        "counts as much as it has images. The sums stay on the device: .item() in each step would wait for it.",
        "陷阱：cross_entropy 是一个批次的平均值。乘以该批次的图像数，再除以总数，较小的最后一批才不会占太大比重。"
        "累加值留在设备上：每一步都 .item() 会等待设备。",
    ),
    "no_grad": (
        "Without gradients, and in eval mode. Trap: the course's program evaluates with gradients, which takes memory and time.",
        "不计算梯度，并处于 eval 模式。陷阱：课程的程序在评估时仍计算梯度，浪费内存和时间。",
    ),
    "channels_last": (
        "The channels of a pixel lie together in memory, which convolutions prefer. The values are the same.",
        "同一像素的各通道在内存中相邻，卷积更快。数值相同。",
    ),
    "contiguous": (
        "Not in channels_last: on a CPU, PyTorch's library oneDNN writes past its memory there (its issue 6035) with this "
        "network's strided 1×1 convolutions of few channels. The lab goes around it, so digits differ a little from the run's.",
        "不用 channels_last：在 CPU 上，PyTorch 所用的 oneDNN 库对通道很少、带步幅的 1×1 卷积会越界写内存（其 issue 6035）。"
        "实验室绕过了它，因此数字与原训练略有不同。",
    ),
    "bfloat16": ("Layers compute in bfloat16; weights stay float32.", "各层用 bfloat16 计算；权重仍是 float32。"),
    "tf32": ("Dense layers multiply in TF32 on NVIDIA GPUs.", "在 NVIDIA GPU 上，全连接层用 TF32 相乘。"),
    "patience": (
        "Early stopping: no better epoch for this many epochs ends the run.",
        "提前停止：连续这么多轮没有更好的结果，就结束训练。",
    ),
    "keep": ("The weights of the best epoch are kept.", "保留最佳轮次的权重。"),
}

HEADINGS: dict[str, tuple[str, str]] = {
    "settings": ("Settings", "设置"),
    "images": ("The images", "图像"),
    "prepare": ("From bytes to the network's input", "从字节到网络的输入"),
    "network": ("The network", "网络"),
    "training": ("Training", "训练"),
    "evaluation": ("Evaluation", "评估"),
    "run": ("The run", "运行"),
}

TEXTS: dict[str, tuple[str, str]] = {
    "no_images": (
        "{FOLDER.resolve()} is missing. It holds the images: see the comment at FOLDER for where to get it.",
        "缺少 {FOLDER.resolve()}，图像在其中：从哪里取得，见 FOLDER 处的注释。",
    ),
    "intro": (
        "Builds, trains and tests the network of the CNN Lab run {run} without the lab: {title}. It needs PyTorch{torchvision}. "
        "{result}",
        "不依赖 CNN Lab，独立构建、训练并测试实验 {run} 的网络：{title}。需要 PyTorch{torchvision}。{result}",
    ),
    "install": ("only where they are missing", "仅在缺少时需要"),
    "torchvision": (" and torchvision", " 和 torchvision"),
    "result": (
        "The run's first epoch ended with a training loss of {loss:.4f} and a test accuracy of {accuracy:.2%}.",
        "该实验第一轮结束时训练损失为 {loss:.4f}，测试准确率为 {accuracy:.2%}。",
    ),
    "epoch": (
        "epoch {epoch}: training loss {loss:.4f}, accuracy {accuracy:.2%}",
        "第 {epoch} 轮：训练损失 {loss:.4f}，准确率 {accuracy:.2%}",
    ),
    "validation": (
        "validation loss {validation_loss:.4f}, accuracy {score:.2%}",
        "验证损失 {validation_loss:.4f}，准确率 {score:.2%}",
    ),
    "test": ("test loss {test_loss:.4f}, accuracy {test_accuracy:.2%}", "测试损失 {test_loss:.4f}，准确率 {test_accuracy:.2%}"),
    "best": (
        "best epoch {best_epoch}: test accuracy {best_accuracy:.2%}",
        "最佳为第 {best_epoch} 轮：测试准确率 {best_accuracy:.2%}",
    ),
}


# Patterns of docstrings in the code, and the same in Chinese.
_DOCSTRINGS = {
    r"Images as bytes, (N\S+), and their classes as numbers, N\.": r"以字节表示的图像（\1），以及用数字表示的类别（N）。",
    r"The numbers of `count` images, the same share of each class, in ascending order\.": (
        "`count` 张图像的编号：各类比例相同，升序。"
    ),
    r"Bytes (N\S+) to the network's input (N[\d×]+)": r"由字节 \1 得到网络的输入 \2",
    r"; with a generator, varied at random as in training\.": "；给出 generator 时，像训练时那样随机变化。",
    r"(\S.*) for images of ([\d×]+) and (\d+) classes\.": r"\1：输入图像 \2，共 \3 类。",
    r"Mean loss an image, and the share that is right\.": "每张图像的平均损失，以及正确的比例。",
    r"Mean loss an image, and the share that was right while training\.": "每张图像的平均损失，以及训练时正确的比例。",
    r"The numbers of the images in each batch of an epoch, in the order that the seed draws\.": (
        "一轮中每个批次的图像编号，顺序由随机种子决定。"
    ),
    r"From `first` to `peak` in the first 30 % of the steps, then to `last`, along half waves\.": (
        "前 30 % 的步数从 `first` 升到 `peak`，然后降到 `last`，沿半个余弦波。"
    ),
    r"Two convolutions that learn what to add to their input\.": "两个卷积层，学习要加到输入上的内容。",
    r"Two convolutions, added to their input\.": "两个卷积层，结果与输入相加。",
    r"Two convolutions, without a shortcut past them\.": "两个卷积层，没有绕过它们的捷径。",
    r"Four paths with windows of different size, concatenated\.": "四条窗口大小不同的路径，结果拼接在一起。",
    r"Adds growth channels to those of its input\.": "在输入的通道之外增加 growth 个通道。",
    r"Each layer sees the maps of all layers before it\.": "每一层都能看到之前所有层的特征图。",
    r"Multiplies by a number that is not learned\.": "乘以一个不参与学习的数。",
    r"The shape stays( channels×H×W)?\.": r"形状\1不变。",
    r"inputs×H×W to (\S.*)\.\n": r"由 inputs×H×W 变为 \1。\n",
}


def in_language(pair: tuple[str, str], language: Language) -> str:
    """That of the two texts."""
    return pair[("en", "zh").index(language)]


def commented(code: str, language: Language) -> str:
    """`code` with each line "#: key" replaced by the comment, wrapped and indented as the line was; docstrings too."""

    def comment(found: re.Match[str]) -> str:
        indentation, text = found[1], in_language(COMMENTS[found[2]], language)
        return "".join(f"{indentation}# {line}\n" for line in wrapped(text, language))

    if language == "zh":
        for english, chinese in _DOCSTRINGS.items():
            code = re.sub(english, chinese, code)
    return re.sub(r"^( *)#: (\w+)\n", comment, code, flags=re.MULTILINE)


def wrapped(text: str, language: Language) -> list[str]:
    """The lines of a text; Chinese has no spaces to break at."""
    if language == "en":
        return textwrap.wrap(text, _WIDTHS["en"])
    return textwrap.wrap(text, _WIDTHS["zh"], break_long_words=True)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!" else c for c in " ".join(text.split()))
