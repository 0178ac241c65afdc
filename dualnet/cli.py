"""The command line: ``dualnet``."""

import json
import os
import sys
import webbrowser
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dualnet import catalogue
from dualnet.bench.forms import FORMS, Task
from dualnet.bench.results import busy, costs, draw, report, table, write
from dualnet.bench.run import measure
from dualnet.convert import ENDINGS, convert
from dualnet.data import DATASETS
from dualnet.doctor import examine
from dualnet.interface import (
    BACKENDS,
    Augmentation,
    Concept,
    ConceptError,
    ConfigError,
    DualnetError,
    Optimizer,
    choose,
)
from dualnet.rosetta.check import executed
from dualnet.rosetta.search import find
from dualnet.rosetta.table import AREAS
from dualnet.rosetta.view import areas, card, catalogued, evidence, finding, index, record, shown, verdict
from dualnet.show import align, side_by_side, variant_table
from dualnet.training.compare import run_jobs
from dualnet.training.job import Job
from dualnet.training.results import new_folder
from dualnet.training.study import run_study

__all__ = ["app", "main"]

CARDS = 4
"""So many rows are shown whole; of the others, which are more special, a line each."""

INTERRUPTED = 130
"""The exit code that typer gives to Ctrl-C."""
STUDIED = frozenset(("data", "data_dir", "download", "seed", "out", "as_json"))
"""What `compare` takes of a concept that is no model."""

app = typer.Typer(
    help="Every deep-learning concept twice, in TensorFlow/Keras and in PyTorch, and proved equal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Id = Annotated[str, typer.Argument(metavar="CONCEPT", help="A concept's id; `dualnet list` names them.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Variant = Annotated[str | None, typer.Option(help="A named form of the concept; its first one by default.")]
Data = Annotated[
    str | None,
    typer.Option(help="The data set: " + ", ".join(sorted(DATASETS)) + "."),
]
DataDir = Annotated[Path | None, typer.Option(help="Where your data files are; else DUALNET_DATA says it.")]
Download = Annotated[bool, typer.Option(help="Download data that is not there.")]
FileColumn = Annotated[str | None, typer.Option(help="Of a folder's table: the column of files; else its first one.")]
LabelColumn = Annotated[
    str | None, typer.Option(help="Of a folder's table: the column of labels; else its second one.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training rows.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Stop after so many steps, if need be within an epoch.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Rows per step.")]
CropPadding = Annotated[int | None, typer.Option(min=0, help="Pad training images by these pixels, crop at random.")]
Flip = Annotated[bool | None, typer.Option("--flip/--no-flip", help="Mirror training images at random.")]
Published = Annotated[
    bool, typer.Option("--published", help="Train as the source did, in full size; the other options change it.")
]
Seed = Annotated[int, typer.Option(min=0, help="Decides initial weights and the order of rows.")]
SharedNoise = Annotated[
    bool, typer.Option("--shared-noise", help="Draw dropout masks as `compare` does, from one stream for both sides.")
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint", help="Folder to save the course to, a file for each side; training goes on from what is there."
    ),
]
CheckpointEvery = Annotated[
    float, typer.Option(min=0.0, help="Seconds between two savings within an epoch; each epoch ends with one, too.")
]
Out = Annotated[Path | None, typer.Option(help="Folder for the results.", show_default="runs/...")]
OptimizerName = Annotated[str | None, typer.Option("--optimizer", help="sgd or adam.")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Learning rate per step.")]
Setting = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the concept.")]


def main() -> None:
    """Run the command line; every expected error is one line and exit code 2."""
    try:
        app()
    except DualnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            print("interrupted: nothing was kept", file=sys.stderr)
        raise


@app.command("list")
def list_concepts(as_json: Json = False) -> None:
    """Name every concept."""
    rows = [
        {
            "id": concept.id,
            "chapter": concept.chapter,
            "kind": concept.kind,
            "covers": list(concept.covers),
            "title": concept.title,
            "variants": list(concept.variants),
        }
        for concept in catalogue.concepts()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "chapter", "kind", "title"):
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(row[column]) for column in ("id", "chapter", "kind", "title")))
    Console().print(table)


@app.command()
def show(concept: Id, as_json: Json = False) -> None:
    """Show the two sources side by side, differences marked, and what is said of each variant."""
    variants = catalogue.concept(concept).variants
    paths = {backend: catalogue.source(concept, backend) for backend in BACKENDS}
    texts = {backend: path.read_text() for backend, path in paths.items()}
    rows = align(texts["tf"], texts["torch"])
    if as_json:
        sides = {backend: {"path": str(paths[backend]), "source": texts[backend]} for backend in BACKENDS}
        lines = [{"tf": row.left, "torch": row.right, "same": row.same} for row in rows]
        said = {
            name: {
                "about": variant.about,
                "claim": variant.claim,
                "recipe": asdict(variant.recipe),
                "published": asdict(variant.published) if variant.published else None,
            }
            for name, variant in variants.items()
        }
        typer.echo(json.dumps({"id": concept, "variants": said, **sides, "lines": lines}, indent=2))
        return
    Console().print(side_by_side(rows, ("TensorFlow", "PyTorch")))
    if variants:
        Console().print(variant_table(variants))
    same = sum(row.same for row in rows)
    typer.echo(f"{same} of {len(rows)} lines are the same", err=True)


@app.command()
def diff(
    concept: Id,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the page there, and open nothing.", show_default="a temporary file"),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
) -> None:
    """Show the two sources side by side in the browser: one page, which is a file that needs nothing else."""
    from dualnet.page import page  # only here: no other command makes a page

    left, right = (catalogue.source(concept, backend).read_text() for backend in ("tf", "torch"))
    path = out or Path(mkdtemp(prefix="dualnet-")) / f"{concept}.html"
    try:
        path.write_text(page(catalogue.concept(concept), align(left, right)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {path}: cannot be written ({error.strerror})") from None
    typer.echo(path)
    if not (out or no_open):
        webbrowser.open(path.resolve().as_uri())


@app.command()
def compare(
    context: typer.Context,
    concept: Id,
    variant: Variant = None,
    published: Published = False,
    data: Data = None,
    data_dir: DataDir = None,
    download: Download = False,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    crop_padding: CropPadding = None,
    flip: Flip = None,
    seed: Seed = 0,
    optimizer: OptimizerName = None,
    learning_rate: Rate = None,
    setting: Setting = None,
    checkpoint: CheckpointFolder = None,
    checkpoint_every: CheckpointEvery = 60.0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Check parity, then train both sides from the same weights on the same batches. Exit code 1: they differ.

    Of a concept that is no model, both sides draw what there is to see of its functions instead.
    """
    console = Console(stderr=as_json)
    if not catalogue.concept(concept).variants:
        _refuse(context, concept)
        study = Job(
            backend="tf", concept=concept, variant="", config={}, data=data or catalogue.concept(concept).data,
            data_dir=str(data_dir) if data_dir else None, download=download, seed=seed,
        )  # fmt: skip
        out = out or Path("runs") / "-".join(part for part in (concept, study.data) if part)
        _, agree = run_study([replace(study, backend=backend) for backend in BACKENDS], out, console)
        _finish(out, as_json, agree)
    job = _job(
        concept,
        variant,
        published,
        data,
        data_dir,
        download,
        file_column,
        label_column,
        epochs,
        steps,
        batch_size,
        crop_padding,
        flip,
        seed,
        optimizer,
        learning_rate,
        setting,
    )
    jobs = [
        _kept(replace(job, backend=backend, shared_noise=True), checkpoint, checkpoint_every) for backend in BACKENDS
    ]
    out = out or Path("runs") / f"{concept}-{job.variant}-{job.data}"
    _, agree = run_jobs(jobs, out, console, parity=True)
    _finish(out, as_json, agree)


@app.command()
def train(
    concept: Id,
    backend: Annotated[str, typer.Option(help="tf or torch.")],
    variant: Variant = None,
    published: Published = False,
    data: Data = None,
    data_dir: DataDir = None,
    download: Download = False,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    crop_padding: CropPadding = None,
    flip: Flip = None,
    seed: Seed = 0,
    optimizer: OptimizerName = None,
    learning_rate: Rate = None,
    setting: Setting = None,
    shared_noise: SharedNoise = False,
    checkpoint: CheckpointFolder = None,
    checkpoint_every: CheckpointEvery = 60.0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train one side."""
    side = choose({name: name for name in BACKENDS}, backend, "backend")
    job = _job(
        concept,
        variant,
        published,
        data,
        data_dir,
        download,
        file_column,
        label_column,
        epochs,
        steps,
        batch_size,
        crop_padding,
        flip,
        seed,
        optimizer,
        learning_rate,
        setting,
    )
    out = out or Path("runs") / f"{concept}-{job.variant}-{job.data}-{backend}"
    job = _kept(replace(job, backend=side, shared_noise=shared_noise), checkpoint, checkpoint_every)
    run_jobs([job], out, Console(stderr=as_json), parity=False)
    if as_json:
        typer.echo((out / "result.json").read_text())


@app.command("convert")
def convert_weights(
    file: Annotated[Path, typer.Argument(help="A result or checkpoint of a training, or a file of another format.")],
    concept: Annotated[str, typer.Option(metavar="ID", help="The concept whose weights they are.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help=", ".join(ENDINGS) + ".")],
    variant: Variant = None,
    setting: Setting = None,
    optimizer: Annotated[bool, typer.Option("--optimizer", help="Carry what the optimizer remembers, too.")] = False,
    out: Annotated[Path | None, typer.Option(help="The new file.", show_default="beside the old one")] = None,
) -> None:
    """Carry trained weights between the frameworks, bit for bit."""
    config = _settings(_model(concept, "convert"), variant, setting or [])
    written = convert(file, concept, to, variant=variant, config=config, out=out, optimizer=optimizer)
    typer.echo(written)


@app.command()
def bench(
    concepts: Annotated[list[str], typer.Argument(metavar="CONCEPT...", help="Ids of models.")],
    variant: Variant = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Rows of each call; by default as the recipe trains.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed calls, forward and in training, after the warm-up.")] = 20,
    forms: Annotated[str, typer.Option(help="Which forms, separated by commas.")] = ",".join(FORMS),
    setting: Setting = None,
    out: Annotated[Path | None, typer.Option(help="Folder for bench.png and bench.json.", show_default="none")] = None,
    as_json: Json = False,
) -> None:
    """Measure time, rate and memory of both sides, forward and in training, in every form that each framework has."""
    chosen = [choose({name: name for name in FORMS}, form, "--forms") for form in dict.fromkeys(forms.split(","))]
    plans = {id: _tasks(id, variant, batch, chosen, setting) for id in dict.fromkeys(concepts)}
    console = Console(stderr=as_json)
    reports, found = [], {}
    load = os.getloadavg()[0]  # of others: our own processes have not begun
    with new_folder(out) if out else nullcontext() as folder:
        for id, tasks in plans.items():
            first = tasks[0]
            title = f"{catalogue.concept(id).title}: {id}, {first.variant}, batches of {first.batch_size}"
            found[title] = measure(tasks, repeats, console)
            asked = {"concept": id, "variant": first.variant, "config": first.config, "batch_size": first.batch_size}
            reports.append(report(found[title], **asked, repeats=repeats, load_before=load))
            console.print(table(title, found[title]))
            for line in (*costs(found[title]), *busy(load)):
                console.print(line, highlight=False, soft_wrap=True)
        if folder:
            draw(folder / "bench.png", found)
            write(folder / "bench.json", reports)
    if out:
        console.print(f"picture and figures: {out / 'bench.png'}, {out / 'bench.json'}", soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(reports, indent=2))


@app.command()
def rosetta(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A name of either framework, or words.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Execute the rows here. Exit code 1: one does not hold.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what the other framework has for a name, and what must be set for equal numbers; every row is executed."""
    found, near = find(name) if name else ([row for rows in AREAS.values() for row in rows], [])
    console = Console(highlight=False)
    if check:
        outcomes = dict(track(executed(found), total=len(found), console=Console(stderr=True), transient=True))
        if as_json:
            typer.echo(json.dumps([finding(*pair) for pair in outcomes.items()], indent=2))
        else:
            console.print(verdict(outcomes))
        raise typer.Exit(int(any(outcome.problems for outcome in outcomes.values())))
    if as_json:
        typer.echo(json.dumps([record(row) for row in found], indent=2))
    elif not name:
        console.print(areas(AREAS))
    else:
        console.print(*map(card, found[:CARDS]))
        if others := [*found[CARDS:], *near]:
            console.print(index(others))


@app.command()
def differences(
    name: Annotated[str | None, typer.Argument(metavar="ID", help="The id of a difference, or words about it.")] = None,
    as_json: Json = False,
) -> None:
    """Show where the frameworks differ: each as code that is executed here, and how far both sides come apart."""
    from dualnet.rosetta.demonstration import declared, effects, matching  # only here: it knows every concept

    console = Console(highlight=False)
    told = declared()
    if name is None:
        console.print(catalogued(told))
        return
    ids = matching(name, told)
    found = dict(
        track(effects({id: told[id] for id in ids}), total=len(ids), console=Console(stderr=True), transient=True)
    )
    if as_json:
        typer.echo(json.dumps([evidence(id, told[id], found[id]) for id in ids], indent=2))
        return
    for id in ids:
        console.print(shown(id, told[id], found[id]))


@app.command()
def doctor(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say what will work on this machine. Exit code 1: something will fail."""
    checks = examine(data_dir)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        colours = {"ok": "green", "note": "yellow", "fail": "red"}
        for check in checks:
            fix = f"\n[dim]fix:[/] {check.fix}" if check.fix else ""
            table.add_row(f"[{colours[check.status]}]{check.status}[/]", check.name, check.detail + fix)
        Console(highlight=False).print(table)
    raise typer.Exit(int(any(check.status == "fail" for check in checks)))


def _finish(out: Path, as_json: bool, agree: bool) -> NoReturn:
    if as_json:
        typer.echo((out / "result.json").read_text())
    raise typer.Exit(int(not agree))


def _refuse(context: typer.Context, id: str) -> None:
    """ConfigError if an option was given that means nothing to a concept that is no model."""
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in options.keys() - STUDIED - {"concept"}}
    given = [options[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        raise ConfigError(
            f"{', '.join(sorted(given))}: concept {id!r} is of kind {catalogue.concept(id).kind!r}, there is nothing "
            f"to train; it takes {', '.join(options[name] for name in options if name in STUDIED)}"
        )


def _tasks(id: str, variant: str | None, batch: int | None, forms: list[str], setting: list[str] | None) -> list[Task]:
    """What to measure of a concept: each side in each form."""
    concept = _model(id, "measure")
    config = _settings(concept, variant, setting or [])
    return [
        Task(
            backend=backend,
            form=form,
            concept=id,
            variant=variant or concept.default_variant,
            config=config,
            batch_size=batch or concept.variant(variant).recipe.batch_size,
        )
        for backend in BACKENDS
        for form in forms
    ]


def _model(id: str, purpose: str) -> Concept:
    """The concept of this id, which must be a model."""
    concept = catalogue.concept(id)
    if concept.kind != "model":
        raise ConceptError(
            f"concept {id!r} is of kind {concept.kind!r}, there is nothing to {purpose}: "
            f"`dualnet show {id}` shows it, `python -m parity run {id}` compares both sides"
        )
    return concept


def _job(
    id: str,
    variant: str | None,
    published: bool,
    data: str | None,
    data_dir: Path | None,
    download: bool,
    file_column: str | None,
    label_column: str | None,
    epochs: int | None,
    steps: int | None,
    batch_size: int | None,
    crop_padding: int | None,
    flip: bool | None,
    seed: int,
    optimizer: str | None,
    learning_rate: float | None,
    setting: list[str] | None,
) -> Job:
    """The concept's recipe with the caller's wishes over it."""
    concept = _model(id, "train")
    chosen = concept.variant(variant)
    recipe = chosen.published if published else chosen.recipe
    if recipe is None:
        having = [name for name, other in concept.variants.items() if other.published]
        raise ConfigError(
            f"--published: the source of {id} {variant or concept.default_variant} trained on data that cannot be had "
            f"here, or gives no recipe; variants that have one: {', '.join(having) or 'none'}"
        )
    settings = _settings(concept, variant, setting or [])
    return Job.planned(
        concept,
        variant,
        recipe,
        settings,
        data=data,
        data_dir=str(data_dir) if data_dir else None,
        download=download,
        file_column=file_column,
        label_column=label_column,
        optimizer=asdict(_optimizer(recipe.optimizer, optimizer, learning_rate)),
        batch_size=batch_size,
        epochs=epochs,
        steps=steps,
        augmentation=_augmentation(recipe.augmentation, crop_padding, flip),
        seed=seed,
    )


def _kept(job: Job, folder: Path | None, every: float) -> Job:
    """The job with its checkpoint: only noise that both sides share has a place that it can go on from."""
    if folder is None:
        return job
    file = folder.resolve() / f"{job.backend}.safetensors"
    return replace(job, checkpoint=str(file), checkpoint_every=every, shared_noise=True)


def _optimizer(recipe: Optimizer, name: str | None, rate: float | None) -> Optimizer:
    """The recipe's update rule, or another one; another one needs a rate of its own."""
    if name is not None and name != recipe.name:
        if rate is None:
            raise ConfigError(f"--optimizer {name}: give --learning-rate, too; the recipe's is for {recipe.name}")
        return Optimizer(name, rate)  # type: ignore[arg-type]
    return recipe if rate is None else replace(recipe, learning_rate=rate)


def _augmentation(recipe: Augmentation | None, padding: int | None, flip: bool | None) -> dict[str, Any] | None:
    """The recipe's augmentation, or what the caller wishes; none where it would do nothing."""
    usual = recipe or Augmentation()
    wished = Augmentation(
        padding=usual.padding if padding is None else padding, flip=usual.flip if flip is None else flip
    )
    return None if wished == Augmentation() else asdict(wished)


def _settings(concept: Concept, variant: str | None, settings: list[str]) -> dict[str, Any]:
    """Settings from NAME=VALUE; a value is JSON, or a word."""
    given: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text!r}: expected NAME=VALUE")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    concept.settings(variant, given)
    return given
