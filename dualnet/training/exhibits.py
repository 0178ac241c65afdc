"""What there is to see of trained models and of studies: each side fills its arrays in, one picture shows both."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dualnet.interface import Array, Backend, BackendName, Call, Concept, Config, Exhibit, Probe

__all__ = ["caller", "course", "draw_exhibits", "load_exhibits", "moments", "probe", "save_exhibits"]

TITLES: Mapping[BackendName, str] = {"tf": "TensorFlow", "torch": "PyTorch"}
ASKED = 500
"""Rows that a model is asked about at a time: large images of a whole data set would not fit into memory."""
WIDTH = 6.0
"""Of a side's column, in inches."""


def probe(backend: Backend, model: Any, declared: Concept, settings: Config) -> Probe:
    """A trained model as a function of canonical arrays; see `dualnet.interface.Probe`."""
    specs = declared.inputs(settings)

    def ask(*arrays: Array, part: str = "", axes: str = "", output: str = "") -> dict[str, Array]:
        asked = getattr(model, part) if part else model
        letters = [axes] if part else [spec.axes for spec in specs.values()]
        every = declared.output_axes(settings)
        outputs = {output: every[output]} if output else every
        found: dict[str, list[Array]] = {}
        for start in range(0, max(len(arrays[0]), 1), ASKED):
            rows = (array[start : start + ASKED] for array in arrays)
            native = [backend.tensor(array, to) for array, to in zip(rows, letters, strict=True)]
            for (name, to), value in zip(outputs.items(), backend.forward(asked, native), strict=not part):
                found.setdefault(name, []).append(backend.array(value, to))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    return ask


def caller(backend: Backend, twin: Any) -> Call:
    """A twin's functions as functions of arrays; see `dualnet.interface.Call`."""

    def call(function: str, **arguments: Any) -> dict[str, Array]:
        native = {name: backend.tensor(v) if isinstance(v, np.ndarray) else v for name, v in arguments.items()}
        outputs, _ = backend.vjp(getattr(twin, function), native, (), None)
        return {name: backend.array(value) for name, value in outputs.items()}

    return call


def moments(epochs: int) -> tuple[int, ...]:
    """The epochs after which to look at a model: 1, 2, 4, 8, ... and the last."""
    return (*(2**i for i in range(epochs.bit_length()) if 2**i < epochs), epochs)


def course(seen: Mapping[int, Exhibit]) -> tuple[Exhibit, ...]:
    """What was seen after several epochs as one exhibit; none if nothing was."""
    if not seen:
        return ()
    first = next(iter(seen.values()))
    title = f"{first.title}, after epoch{'s' if len(seen) > 1 else ''} {', '.join(map(str, seen))}"
    arrays = {name: np.concatenate([e.arrays[name] for e in seen.values()]) for name in first.arrays}
    if first.kind == "points":  # coloured by epoch
        arrays["labels"] = np.repeat([*seen], [len(e.arrays["points"]) for e in seen.values()])
    return (Exhibit(title, first.kind, arrays),)


def save_exhibits(exhibits: tuple[Exhibit, ...], path: Path) -> None:
    """Write them into one ``.npz`` file."""
    plan = [{**e._asdict(), "arrays": list(e.arrays)} for e in exhibits]
    arrays = {f"{i}/{name}": array for i, e in enumerate(exhibits) for name, array in e.arrays.items()}
    with path.open("wb") as file:
        np.savez(file, plan=np.array(json.dumps(plan)), **arrays)  # type: ignore[arg-type]


def load_exhibits(path: Path) -> tuple[Exhibit, ...]:
    """What `save_exhibits` wrote."""
    with np.load(path) as file:
        plan = json.loads(str(file["plan"]))
        return tuple(
            Exhibit(**{**e, "arrays": {name: file[f"{i}/{name}"] for name in e["arrays"]}}) for i, e in enumerate(plan)
        )


def draw_exhibits(path: Path, title: str, sides: Mapping[BackendName, tuple[Exhibit, ...]]) -> None:
    """One picture: a row for each exhibit, a column for each side."""
    from matplotlib.figure import Figure  # only here: importing it takes a second

    rows = len(next(iter(sides.values())))
    heights = [max(_height(exhibits[row]) for exhibits in sides.values()) for row in range(rows)]
    figure = Figure(figsize=(WIDTH * len(sides), sum(heights) + 0.5), layout="constrained")
    grid = figure.subplots(rows, len(sides), squeeze=False, height_ratios=heights)
    for column, (backend, exhibits) in enumerate(sides.items()):
        for row, exhibit in enumerate(exhibits):
            axes = grid[row, column]
            axes.set_title(f"{TITLES[backend]}: {exhibit.title}", fontsize=10)
            axes.set(xlabel=exhibit.x, ylabel=exhibit.y, yscale=exhibit.scale)
            DRAWN[exhibit.kind](axes, exhibit.arrays)
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def _height(exhibit: Exhibit) -> float:
    """Inches: pictures keep their shape."""
    if exhibit.kind != "images":
        return 3.5
    rows, columns, _, height, width = exhibit.arrays["images"].shape
    return float(WIDTH * rows * height / (columns * width) + 0.4)


def _images(axes: Any, arrays: Mapping[str, Array]) -> None:
    images = np.clip(arrays["images"], 0.0, 1.0)
    images = np.pad(images, ((0, 0), (0, 0), (0, 0), (1, 0), (1, 0)), constant_values=0.5)  # a line between them
    rows, columns, channels, height, width = images.shape
    tiled = images.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, channels)
    axes.imshow(tiled if channels == 3 else tiled[..., 0], cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_axis_off()


def _points(axes: Any, arrays: Mapping[str, Array]) -> None:
    for label in np.unique(arrays["labels"]):
        x, y = arrays["points"][arrays["labels"] == label].T
        axes.scatter(x, y, s=6, color=f"C{int(label) % 10}", label=str(label))
    axes.legend(fontsize=6, markerscale=2, frameon=False)


def _histogram(axes: Any, arrays: Mapping[str, Array]) -> None:
    finite = np.concatenate([values.ravel() for values in arrays.values()])
    bins = np.histogram_bin_edges(finite, 40)
    for name, values in arrays.items():
        axes.hist(values, bins, alpha=0.6, label=name)
    axes.legend(frameon=False)


def _bars(axes: Any, arrays: Mapping[str, Array]) -> None:
    width = 0.8 / len(arrays)
    for i, (name, heights) in enumerate(arrays.items()):
        axes.bar(np.arange(len(heights)) + (i - (len(arrays) - 1) / 2) * width, heights, width, label=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(framealpha=0.8)  # it may stand on a bar


def _lines(axes: Any, arrays: Mapping[str, Array]) -> None:
    for name, heights in arrays.items():
        if name != "x":
            axes.plot(arrays.get("x", np.arange(len(heights))), heights, label=name)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7, ncols=1 + len(arrays) // 7)


def _regions(axes: Any, arrays: Mapping[str, Array]) -> None:
    last = max(int(arrays["labels"].max()), int(arrays["point_labels"].max()), 1)
    shared: dict[str, Any] = {"cmap": "coolwarm" if last == 1 else "tab10", "vmin": 0, "vmax": last}
    axes.pcolormesh(arrays["x"], arrays["y"], arrays["labels"], alpha=0.3, shading="nearest", **shared)
    axes.scatter(*arrays["points"].T, c=arrays["point_labels"], s=14, edgecolors="black", linewidths=0.4, **shared)


def _graph(axes: Any, arrays: Mapping[str, Array]) -> None:
    parts = {node: made.split() for node, _, made in (name.partition(" <- ") for name in arrays)}
    depth: dict[str, int] = {}
    for node, made in parts.items():
        depth[node] = 1 + max((depth[part] for part in made), default=-1)
    for node in reversed(parts):  # as late as possible: what is given stands just before it is used
        depth[node] = min((depth[user] - 1 for user, made in parts.items() if node in made), default=depth[node])
    columns = {column: [node for node in parts if depth[node] == column] for column in set(depth.values())}
    places = {
        node: (column, (len(nodes) - 1) / 2 - row)
        for column, nodes in columns.items()
        for row, node in enumerate(nodes)
    }
    for node, numbers in zip(parts, arrays.values(), strict=True):
        text = f"{node}\n{numbers[0]:.3g}\n\u2202 {numbers[1]:.3g}"
        box = {"boxstyle": "round", "facecolor": "white" if parts[node] else "lightgrey"}
        axes.annotate(text, places[node], ha="center", va="center", fontsize=8, bbox=box)
        for part in parts[node]:
            bend = 0.0 if depth[node] - depth[part] == 1 else 0.35  # around what stands between them
            arrow = {"arrowstyle": "->", "shrinkA": 22, "shrinkB": 22, "connectionstyle": f"arc3,rad={bend}"}
            axes.annotate("", places[node], places[part], arrowprops=arrow)
    highest = max(height for _, height in places.values()) + 0.8
    axes.set(xlim=(-0.5, max(columns) + 0.5), ylim=(-highest, highest))
    axes.set_axis_off()


DRAWN = {
    "images": _images,
    "points": _points,
    "histogram": _histogram,
    "bars": _bars,
    "lines": _lines,
    "regions": _regions,
    "graph": _graph,
}
