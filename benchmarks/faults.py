"""Seeded faults in seven networks: what the pass rules of other tools find, and what parity finds.

Each fault is put into the first, the middle and the last layer that it can befall. The rules look at float32, as their
tools do; parity looks at float64. A rule that also fails a faultless pair has raised a false alarm.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import torch
import torchvision
import typer
from rich.console import Console
from rich.table import Table
from torch import nn

import dualnet
import parity
from dualnet.interface import Array
from parity.mutate import Weights

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "lenet": (lambda: dualnet.build("lenet", backend="torch"), 28),
    "alexnet": (lambda: torchvision.models.alexnet(weights=None, num_classes=10), 64),
    "vgg11": (lambda: torchvision.models.vgg11(weights=None, num_classes=10), 32),
    "googlenet": (
        lambda: torchvision.models.googlenet(weights=None, num_classes=10, aux_logits=False, init_weights=False), 64,
    ),
    "resnet18": (lambda: torchvision.models.resnet18(weights=None, num_classes=10), 64),
    "densenet121": (lambda: torchvision.models.densenet121(weights=None, num_classes=10), 64),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(weights=None, num_classes=10), 64),
}  # fmt: skip
"""The networks, and the size of the images that they are given."""


@dataclass(frozen=True)
class Fault:
    """A porting bug, the layers that it can befall, and how to put it in."""

    name: str
    befalls: Callable[[nn.Module], bool]
    inject: Callable[[Any], None]


def _epsilon(module: Any) -> None:
    module.eps = 1e-5 if module.eps == 1e-3 else 1e-3  # either framework's where it was the other's


FAULTS = (
    Fault("kernel H/W swapped", lambda m: isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1,
          Weights(weight=lambda w: w.transpose(2, 3))),
    Fault("kernel rotated", lambda m: isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1,
          Weights(weight=lambda w: w.flip(2, 3))),
    Fault("bias dropped", lambda m: isinstance(m, nn.Conv2d | nn.Linear) and m.bias is not None,
          Weights(bias=torch.zeros_like)),
    Fault("epsilon", lambda m: isinstance(m, nn.BatchNorm2d), _epsilon),
    Fault("flatten order", lambda m: isinstance(m, nn.Linear), Weights(weight=lambda w: w[:, _order(w.shape[1])])),
)  # fmt: skip


def _order(size: int) -> torch.Tensor:
    """Channels last instead of first, of some image with so many numbers."""
    channels = next(c for c in range(int(size**0.5), 0, -1) if size % c == 0)
    return torch.arange(size).reshape(channels, -1).t().flatten()


RULES: dict[str, Callable[[Array, Array], bool]] = {
    "mean difference < 1e-5": lambda a, b: float(np.abs(a - b).mean()) < 1e-5,
    "allclose 1e-2, 1e-3": lambda a, b: np.allclose(a, b, rtol=1e-2, atol=1e-3),
    "allclose 1e-4": lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-4),
    "allclose 1e-5": lambda a, b: np.allclose(a, b, rtol=1e-5, atol=1e-5),
    "same class": lambda a, b: bool((a.argmax(1) == b.argmax(1)).all()),
}
"""Pass rules in use, on the outputs in float32."""


@dataclass(frozen=True)
class Result:
    """One fault in one place: by which rules it was found, and whether parity found it and blamed the layer."""

    network: str
    fault: str
    layer: str
    found: dict[str, bool]
    blamed: bool


def places(model: nn.Module, fault: Fault) -> list[str]:
    """The first, the middle and the last layer that a fault can befall."""
    names = [name for name, module in model.named_modules() if fault.befalls(module)]
    return list(dict.fromkeys(names[i] for i in (0, len(names) // 2, -1))) if names else []


def results(networks: list[str]) -> Iterator[Result]:
    """Every fault in every place; a network's faultless pair first, under the fault "none"."""
    for name in networks:
        build, size = NETWORKS[name]
        torch.manual_seed(1)
        clean = build().eval()
        images = np.random.default_rng(0).normal(size=(2, clean_channels(clean), size, size))
        yield _result(name, "none", "", clean, copy.deepcopy(clean), images)
        for fault in FAULTS:
            for layer in places(clean, fault):
                broken = copy.deepcopy(clean)
                fault.inject(broken.get_submodule(layer))
                yield _result(name, fault.name, layer, clean, broken, images)


def clean_channels(model: nn.Module) -> int:
    """How many channels the images have."""
    return next(m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d))


def _result(network: str, fault: str, layer: str, clean: nn.Module, broken: nn.Module, images: Array) -> Result:
    with torch.no_grad():
        a, b = (model.eval()(torch.tensor(images).float()).numpy() for model in (clean, broken))
    found = {name: not rule(a, b) for name, rule in RULES.items()}
    report = parity.compare(clean, broken, images, allow=["*"])
    found["parity"] = not report.passed
    return Result(network, fault, layer, found, {c.where.split(" | ")[0] for c in report.culprits} == {layer})


def main(
    networks: Annotated[list[str] | None, typer.Argument(help="Of the seven; all if none is given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count what each rule finds; exit code 1 unless parity finds all, blames right and raises no false alarm."""
    chosen = networks or list(NETWORKS)
    if unknown := [name for name in chosen if name not in NETWORKS]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(NETWORKS)}")
    found = list(results(chosen))
    faults = [result for result in found if result.layer]
    clean = [result for result in found if not result.layer]
    missed = [result for result in faults if not (result.found["parity"] and result.blamed)]
    good = not missed and not any(result.found["parity"] for result in clean)
    if as_json:
        print(json.dumps([asdict(result) for result in found], indent=2))
        raise typer.Exit(int(not good))
    table = Table(box=None, pad_edge=False, header_style="dim", title=f"{len(faults)} faults in {len(clean)} networks")
    for column in ("rule", "found", "false alarms"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for rule in (*RULES, "parity"):
        table.add_row(rule, str(sum(r.found[rule] for r in faults)), str(sum(r.found[rule] for r in clean)))
    table.add_row("parity: the right layer", str(sum(r.blamed for r in faults)), "")
    Console(highlight=False).print(table)
    for result in missed:
        print(f"missed or blamed wrongly: {result.fault} in {result.layer} of {result.network}")
    raise typer.Exit(int(not good))


if __name__ == "__main__":
    typer.run(main)
