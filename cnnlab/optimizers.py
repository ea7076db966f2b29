"""The optimisers a run can use, and what follows from the choice. Needs no torch; `training/optimizers.py` builds them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OptimizerCard:
    """One optimiser. Its memory is counted in tensors of the size of the weights."""

    title: str
    learning_rate: float  # a usual one, to start with
    high_rate: float  # above it the network often stays at chance
    state: int = 0  # tensors kept between steps, without momentum
    temporaries: int = 0  # further tensors during a step, without weight decay
    momentum: bool = False
    nesterov: bool = False
    fused: bool = True  # steps all weights on a GPU in one kernel, which can take the learning rate from there
    decoupled_decay: bool = False  # weight decay shrinks the weights directly; otherwise it is added to a copy of the gradient

    @property
    def adaptive(self) -> bool:
        """Scales each weight's step by its past gradients, which its state keeps."""
        return self.state > 0

    def state_tensors(self, momentum: float) -> int:
        """Tensors kept between steps."""
        return self.state + (self.momentum and momentum > 0)

    def step_tensors(self, weight_decay: float) -> int:
        """Further tensors that exist during a step."""
        return self.temporaries + (weight_decay > 0 and not self.decoupled_decay)


OPTIMIZERS = {
    "sgd": OptimizerCard("SGD", learning_rate=0.1, high_rate=0.5, momentum=True, nesterov=True),
    "adam": OptimizerCard("Adam", learning_rate=0.001, high_rate=0.003, state=2, temporaries=2),
    "adamw": OptimizerCard("AdamW", learning_rate=0.001, high_rate=0.003, state=2, temporaries=2, decoupled_decay=True),
    "rmsprop": OptimizerCard("RMSprop", learning_rate=0.001, high_rate=0.003, state=1, temporaries=1, momentum=True, fused=False),
}
MOMENTUM = tuple(name for name, card in OPTIMIZERS.items() if card.momentum)  # the optimisers that the setting applies to
NESTEROV = tuple(name for name, card in OPTIMIZERS.items() if card.nesterov)


def titles(names: tuple[str, ...]) -> str:
    """The titles in a sentence: "SGD and RMSprop"."""
    return " and ".join(OPTIMIZERS[name].title for name in names)
