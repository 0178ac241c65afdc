"""One backend in a process of its own: ``python -m dualnet.training.worker``.

It trains a model, or makes what there is to see of a concept that is none.

Reads a `Job` as one line of JSON from standard input, and writes events as lines of JSON to standard output.
With a trace to record, it waits for a second line before it trains, so that parity comes first: "train", or the seed
of another trace.  When standard input closes, whoever started it is gone, and it ends.
"""

import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from dualnet.catalogue import concept, load, twin
from dualnet.data import load as load_data
from dualnet.interface import Backend, Concept, Dataset, initial_state
from dualnet.training.checkpoint import Checkpoint, keeper, resumed
from dualnet.training.exhibits import caller, course, moments, probe, save_exhibits
from dualnet.training.job import Job
from dualnet.training.loop import Start, duration, train
from dualnet.training.serving import serve

__all__ = ["run"]


def run(job: Job, send: Callable[..., None], wait: Callable[[], str]) -> None:
    """Do a job, telling its course as events: ready, (traced, ...) progress ..., done; of no model: (traced, ...) done.

    Args:
        job: what to do.
        send: tells an event and its values.
        wait: after every trace: gives "train", or the seed of another trace.
    """
    declared = concept(job.concept)
    if not declared.variants:
        _study(declared, job, send, wait)
        return
    settings = declared.settings(job.variant, job.config)
    specs, targets = declared.inputs(settings), declared.targets(settings)
    loaded = _load(job, settings.get("image_size", 28))
    dataset = declared.rows(loaded, settings)
    dataset.check(specs, targets)

    about = {**job.about, "rows": len(dataset.train_targets)}
    file = Path(job.checkpoint) if job.checkpoint else None
    kept = resumed(file, about, job.recipe.optimizer) if file else None

    started = time.perf_counter()
    backend = load(job.backend)
    functions = twin(job.concept, job.backend)
    loss = declared.loss(functions, backend, job.variant)
    imported = time.perf_counter()
    model = declared.build(functions, job.variant, job.config)
    built = time.perf_counter()
    start = initial_state(backend.state(model), declared.initializers(settings), job.seed)
    backend.load(model, kept.state if kept else start)
    send(
        "ready",
        import_seconds=imported - started,
        build_seconds=built - imported,
        parameters=sum(array.size for array in start.parameters.values()),
        versions=backend.versions(),
        train_rows=len(dataset.train_targets),
        test_rows=len(dataset.test_targets),
        source=dataset.source,
        resumed_steps=len(kept.history.losses) if kept else 0,
    )
    if job.trace:
        _trace(backend, job, send, wait)
    ask, seen = probe(backend, model, declared, settings), {}
    epochs, _ = duration(job.recipe, len(dataset.train_targets), job.steps)
    watched = moments(epochs) if declared.watch and job.exhibits else ()

    def look(epoch: int) -> None:
        if declared.watch and epoch in watched:
            seen[epoch] = declared.watch(ask, settings)

    about |= {"backend": job.backend, "versions": backend.versions()}
    with backend.noise(model, job.seed) if job.shared_noise else nullcontext({}) as noise:
        for layer, calls in (kept.noise if kept else {}).items():
            noise[layer].calls = calls
        history = train(
            backend, model, loss, dataset, job.recipe, specs, targets, metric=declared.metric,
            output=next(iter(declared.output_axes(settings).values())), own=declared.step(functions, job.variant),
            limit=job.steps, seed=job.seed, report=lambda progress: send("progress", **asdict(progress)),
            after_epoch=look, start=Start(kept.history, kept.memory) if kept else None,
            keep=keeper(file, job.checkpoint_every, backend, model, about, noise) if file else lambda *_: None,
        )  # fmt: skip
    if job.weights:
        Checkpoint(about, backend.state(model), history=history).save(job.weights)
    if job.exhibits:
        exhibits = declared.exhibits(ask, loaded, settings)
        save_exhibits((*course(seen), *exhibits), Path(job.exhibits))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    send("done", history=history.to_dict(), peak_memory_bytes=peak)


def _study(declared: Concept, job: Job, send: Callable[..., None], wait: Callable[[], str]) -> None:
    dataset = _load(job) if job.data else None
    backend = load(job.backend)
    functions = twin(job.concept, job.backend)
    if job.trace:
        _trace(backend, job, send, wait)
    if job.exhibits:
        with backend.precision("float64", seed=job.seed):
            shown = declared.study(caller(backend, functions), dataset) if declared.study else ()
        save_exhibits(shown, Path(job.exhibits))
    send("done", versions=backend.versions(), source=dataset.source if dataset else "")


def _load(job: Job, image_size: int = 28) -> Dataset:
    return load_data(
        job.data,
        image_size=image_size,
        data_dir=Path(job.data_dir) if job.data_dir else None,
        download=job.download,
        file_column=job.file_column,
        label_column=job.label_column,
    )


def _trace(backend: Backend, job: Job, send: Callable[..., None], wait: Callable[[], str]) -> None:
    """Record what parity compares, with one seed after another, until "train" is said."""
    from parity.suite import record  # only here: dualnet does without the engine

    said, config = str(job.seed), job.traced_config
    while said != "train":
        record(backend, job.concept, job.variant or None, config, seed=int(said)).save(job.trace or "")
        send("traced")
        said = wait()


def main() -> None:
    """Serve the process that started this one."""
    serve(lambda values, send, wait: run(Job(**values), send, wait))


if __name__ == "__main__":
    main()
