"""``rnngraph train``: from files of sequences and a configuration to a trained network."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnngraph.commands.common import AsJson, errors_as_json, show_json
from rnngraph.commands.options import (
    Alignment,
    BatchSize,
    Classes,
    Delimiter,
    Encoding,
    Features,
    LabelColumn,
    Labels,
    LabelSkipLines,
    Names,
    NaN,
    Range,
    Regression,
    SkipLines,
)

if TYPE_CHECKING:
    from rnngraph.runs.folder import RunFolder
    from rnngraph.runs.given import Given
    from rnngraph.runs.planning import Wanted
    from rnngraph.runs.training import Outcome, Say

_HELD, _HOW, _STOP, _KEPT = "Validation", "Training", "Stopping early", "What is kept"


def _option(text: str, panel: str, *flag: str, default: str | bool = False, **more: Any) -> Any:
    """An option whose default is told in words, since None only says that it was not given."""
    return typer.Option(*flag, help=text, rich_help_panel=panel, show_default=default, **more)


def train(
    config: Annotated[Path | None, typer.Argument(help="A MultiLayerConfiguration as YAML or JSON; with --resume the run's own.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the run.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out; no other option is needed.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")] = False,
    features: Features = None,
    labels: Labels = None,
    numbers: Range = None,
    label_column: LabelColumn = None,
    regression: Regression = False,
    classes: Classes = None,
    alignment: Alignment = None,
    skip_lines: SkipLines = None,
    label_skip_lines: LabelSkipLines = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    nan: NaN = None,
    class_labels: Names = None,
    batch_size: BatchSize = None,
    validation_features: Annotated[str | None, _option("Files that are not trained on, as --features.", _HELD, metavar="FILES")] = None,
    validation_labels: Annotated[str | None, _option("Their labels, as --labels.", _HELD, metavar="FILES")] = None,
    validation_range: Annotated[
        str | None, _option("Of the training files those with these numbers, as 80:99.", _HELD, metavar="A:B")
    ] = None,
    validation_share: Annotated[
        float | None, _option("Of the training files this share, drawn by --seed, as 0.2.", _HELD, metavar="SHARE")
    ] = None,
    epochs: Annotated[
        int | None, _option("How often the training files are gone through, in all.", _HOW, default="10", metavar="N", min=1)
    ] = None,
    normalize: Annotated[str | None, _option("standardize or min_max, fitted on the training files.", _HOW, metavar="HOW")] = None,
    normalize_labels: Annotated[bool, _option("Labels too, where they are numbers.", _HOW, "--normalize-labels")] = False,
    seed: Annotated[
        int | None, _option("Of the order of sequences, which is another in each epoch.", _HOW, default="0", metavar="N", min=0)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.", rich_help_panel=_HOW)] = "auto",
    patience: Annotated[
        int | None,
        _option("End after so many epochs without a better validation score (without validation: score).", _STOP, metavar="N", min=1),
    ] = None,
    target: Annotated[float | None, _option("End where that score reaches this.", _STOP, metavar="X")] = None,
    max_minutes: Annotated[float | None, _option("End after so many minutes of training.", _STOP, metavar="X")] = None,
    checkpoint_every: Annotated[int | None, _option("Save after so many iterations.", _KEPT, metavar="N", min=1)] = None,
    checkpoint_minutes: Annotated[float | None, _option("Save after so many minutes.", _KEPT, default="1", metavar="X")] = None,
    keep_last: Annotated[int | None, _option("How many checkpoints stay.", _KEPT, default="3", metavar="N", min=1)] = None,
    tensorboard: Annotated[bool, _option("Write events for TensorBoard too.", _KEPT, "--tensorboard")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on files of sequences, one sequence a file and one step a line.

    Writes into --out: net.rnng, which is the network after the best epoch by validation, without validation the last, its normalizer
    inside; log.jsonl, config.yaml, run.json and checkpoints. Ctrl-C saves; --resume goes on as if the run had not been stopped.

    Example: rnngraph train config.yaml --features 'f_%d.csv' \\
        --labels 'l_%d.csv' --validation-share 0.2 \\
        --normalize standardize --epochs 5 --out run

    Example: rnngraph train --out run --resume --epochs 8
    """
    told = dict(locals())  # the options by their names
    from rnngraph.runs.given import Given
    from rnngraph.runs.planning import Wanted

    given, wanted = Given.of(told), Wanted.of(told)
    with errors_as_json(as_json):
        folder = _folder(out, resume, overwrite)
        with folder.held() if resume and folder.path.is_dir() else nullcontext():  # before anything of its run is read
            outcome = _run(config, given, wanted, folder, device, resume, overwrite, as_json)
    if as_json:
        show_json({"network": str(folder.network), **vars(outcome)})
    else:
        _tell(folder, outcome)
    if outcome.signal is not None:
        raise typer.Exit(128 + outcome.signal)


def _folder(out: Path | None, resume: bool, overwrite: bool) -> RunFolder:
    """The folder of the run, in which none is lost."""
    from rnngraph.errors import InputError
    from rnngraph.runs.folder import RunFolder

    if out is None:
        raise InputError("--out is missing; name the folder of the run, as --out run")
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other: go on with the run, or begin it anew")
    folder = RunFolder(out)
    if not resume:
        folder.check_free(overwrite)
    return folder


def _run(
    config: Path | None, given: Given, wanted: Wanted, folder: RunFolder, device: str, resume: bool, overwrite: bool, as_json: bool
) -> Outcome:
    """Train, once everything was looked at that can be."""
    from rnngraph.errors import ConfigurationError, InputError, TrainingError
    from rnngraph.runs import training
    from rnngraph.runs.planning import planned
    from rnngraph.runs.record import Record
    from rnngraph.runs.tasks import reading_of

    say: Say = (lambda text: None) if as_json else typer.echo
    before = Record.read(folder.record).plan if resume else None
    path = config or (folder.config if resume else None)
    if path is None:
        raise InputError("the configuration is missing: rnngraph train config.yaml --features ...; with --resume it is the run's own")
    text, network = training.read_config(path)
    if resume and network != training.read_config(folder.config)[1]:
        raise ConfigurationError(f"--resume: {path} describes another network than {folder.config}; leave it out to go on")
    plan = planned(given, wanted, lambda regression, classes: reading_of(network, str(path), regression, classes), before)
    started = training.last_network(folder) if resume else None
    say(f"network      {path}, {' -> '.join(layer.tag() for layer in network.layers)}")
    if started is not None:
        say(f"goes on      after {started.epoch} epochs, {started.iteration} iterations")
    ready = training.prepared(plan, network, say, device, started)
    try:
        with nullcontext() if resume else folder.held():
            if not resume:
                folder.check_free(overwrite)  # again: another run may have begun meanwhile
            return training.train(ready, plan, folder, device, None if resume else text, progress=not as_json)
    except TrainingError as error:  # which has advice for programs
        raise TrainingError(
            f"{error}. Of this command: rnngraph train --out {folder.path} --resume, from the last checkpoint on"
        ) from error


def _tell(folder: RunFolder, outcome: Outcome) -> None:
    """What is there now, and what may be done with it."""
    name = folder.path
    if outcome.signal is not None:
        done = f"after {outcome.epochs} epochs, {outcome.iterations} iterations"
        typer.echo(f"stopped      {done}; {folder.network} is the network as it is now")
        typer.echo(f"go on        rnngraph train --out {name} --resume")
        return
    best = outcome.best_score is not None and outcome.validation_score is not None
    which = f"of epoch {outcome.epoch}, the best by validation ({outcome.best_score:.4g})" if best else f"after {outcome.epoch} epochs"
    typer.echo(f"saved        {folder.network}, the network {which}")
    more = " --normalizer" * outcome.normalized + " --features-mask" * outcome.masked
    typer.echo(f"next         rnngraph evaluate {name}; rnngraph plot {name} -o curve.png; rnngraph export {name} -o net.onnx{more}")
