"""The loop of a training: where it is at any moment, its steps, and what happens at the end of an epoch."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import numpy as np

from adjoint.calculus import debug_nans
from adjoint.errors import AdjointError, ArgumentError, NonFiniteDerivativeWarning, NonFiniteError
from adjoint.nn.optimizers import Optimizer
from adjoint.nn.optimizers.schedules import as_schedule
from adjoint.nn.optimizers.trees import leaves_of
from adjoint.nn.optimizers.trees import norm as norm_of
from adjoint.nn.training import files
from adjoint.nn.training.batches import Batch, Batches
from adjoint.nn.training.callbacks import EarlyStopping, Hooks, Moment, Monitor, StopTraining
from adjoint.nn.training.checkpoints import Keeper
from adjoint.nn.training.histories import History
from adjoint.nn.training.inference import averages
from adjoint.nn.training.metrics import Metric
from adjoint.nn.training.programs import Program
from adjoint.nn.training.progress import Silence, progress_of
from adjoint.nn.training.seeds import DRAWS, stream
from adjoint.nn.training.steps import clipped, gradient_function
from adjoint.nn.training.trainable import Selection, paths_of

Tree = Any


class Best(NamedTuple):
    """The best epoch so far.

    Attributes
    ----------
    epoch : int
        From 1.
    value : float
    monitor : str
        The column of the history that the value is from.
    parameters, state : pytrees
        At the end of that epoch.
    """

    epoch: int
    value: float
    monitor: str
    parameters: Tree
    state: Tree


class Point(NamedTuple):
    """Where a training is: all that the next step needs, replaced as a whole so that nothing is ever half done."""

    parameters: Tree
    state: Tree
    optimizer_state: dict[str, Any]
    epoch: int = 0  # the epoch that is under way, from 0
    batch: int = 0  # batches of it that are done
    steps: int = 0  # batches of all epochs
    examples: int = 0  # of this epoch so far
    totals: tuple[float, ...] = ()  # of this epoch: loss, gradient norm, metrics
    draws: dict[str, Any] | None = None  # state of the generator that the model draws from; None: at its beginning
    best: Best | None = None
    reference: float = math.inf  # what early stopping compares with
    waited: int = 0


@dataclass(slots=True, eq=False)
class Loop:
    """One training. The fields until ``run`` are what it is; those after it what happens."""

    program: Program
    batches: Batches
    validation: Batches | None
    metrics: Mapping[str, Metric]
    optimizer: Optimizer
    chosen: Selection
    penalty: Callable[[Tree], Any] | None
    clip_norm: float | None
    epochs: int
    stopping: EarlyStopping | None
    hooks: Hooks
    keeper: Keeper | None
    solver: Any
    run: dict[str, Any]
    history: History = field(default_factory=History)
    diverged: bool = False
    gradient: Callable[..., Any] = field(init=False)
    monitor: Monitor = field(init=False)
    point: Point = field(init=False)
    good: Point = field(init=False)  # at the end of the last epoch
    started: float = field(init=False, default=0.0)
    progress: Silence = field(init=False, default_factory=Silence)

    def __post_init__(self) -> None:
        self.gradient = gradient_function(self._objective, None, self.solver)
        columns = ["loss", *self.metrics, "gradient_norm", "learning_rate", "seconds"]
        if self.validation is not None:
            columns += [f"validation_{name}" for name in ("loss", *self.metrics)]
        self.monitor = Monitor.of(self.stopping, columns)

    def begin(self, parameters: Tree, state: Tree, resume: bool) -> None:
        """At the given parameters, or where the newest checkpoint is."""
        moving = self.chosen.part(parameters)
        self.point = Point(parameters, state, self.optimizer.initialize(moving))
        seconds = 0.0
        if self.keeper is not None:
            found = self.keeper.newest(self.run) if resume else None
            if found is not None:
                self.point, seconds = self._restored(found)
            else:
                files.check(self._content(self.point))  # what cannot be written is refused now
        self.good = self.point
        self.started = time.perf_counter() - seconds

    # --- the loop ----------------------------------------------------------------------------------

    def run_all(self, progress: Any) -> str:
        """All epochs; returns what stopped it."""
        count = self.batches.count
        self.progress = progress_of(progress, self.epochs, count, self.point.steps)
        try:
            with warnings.catch_warnings():
                # a gradient that is not finite is an error here, with more to say
                warnings.simplefilter("ignore", NonFiniteDerivativeWarning)
                stopped = self._epochs()
        except KeyboardInterrupt:
            stopped = "interrupted"
        except StopTraining:
            stopped = "callback"
        except NonFiniteError:
            if self.diverged:
                self.point = self.good
                self._write_unless_there()
            raise
        finally:
            self.progress.close()
        self.history.cut(self.point.steps, self.point.epoch)
        self._write_unless_there()
        return stopped

    def _epochs(self) -> str:
        while self.point.epoch < self.epochs:
            if self.stopping is not None and self.point.waited >= self.stopping.patience:
                return "early"
            if self.hooks("on_epoch_begin", lambda: self._moment(math.nan)) or self._epoch():
                return "callback"
        if self.stopping is not None and self.point.waited >= self.stopping.patience:
            return "early"
        return "epochs"

    def _epoch(self) -> bool:
        """The rest of an epoch; whether a callback wants to stop."""
        epoch = self.point.epoch
        rng = stream(self.batches.seed, DRAWS, epoch)
        if self.point.draws is not None:
            rng.bit_generator.state = self.point.draws
        for batch in self.batches.of_epoch(epoch, self.point.batch):
            loss = self._step(batch, rng)
            self.progress.batch(epoch + 1, loss)
            if self.keeper is not None and self.keeper.due(batch=self.point.batch):
                self._write()
            if self.hooks("on_batch_end", lambda: self._moment(loss)):  # noqa: B023  # called at once
                return True
        if not self.point.batch:
            raise ArgumentError(f"the data have no batches in epoch {epoch + 1}: the factory gave none")
        row = self._end_of_epoch()
        if self.keeper is not None and self.keeper.due(epoch=self.point.epoch):
            self._write()
        self.progress.epoch(row)
        return self.hooks("on_epoch_end", lambda: self._moment(self.history.losses[-1], row))

    def _objective(self, parameters: Tree, fixed: Tree, state: Tree, batch: Batch, rng: Any) -> tuple[Any, Any]:
        """What is differentiated, by its first argument."""
        parameters = self.chosen.whole(parameters, fixed)
        loss, prediction, state = self.program(parameters, batch, state, True, rng)
        if self.penalty is not None:
            loss = loss + self.penalty(parameters)
        return loss, (prediction if self.metrics else None, state)

    def _step(self, batch: Batch, rng: np.random.Generator) -> float:
        point = self.point
        moving = self.chosen.part(point.parameters)
        try:
            loss, (prediction, state), gradients = self.gradient(moving, point.parameters, point.state, batch, rng)
        except NonFiniteError:  # the user has the provenance mode on
            self._explain(batch, math.nan)
        except AdjointError as error:
            shapes = ", ".join(f"{x.dtype}{list(x.shape)}" for x in batch)
            error.add_note(f"in epoch {point.epoch + 1} of the training, batch {point.batch + 1}, with arrays {shapes}")
            raise
        value, norm = float(loss), norm_of(gradients)
        if not (math.isfinite(value) and math.isfinite(norm)):
            self._explain(batch, value)
        gradients = clipped(gradients, norm, self.clip_norm)
        moving, memory = self.optimizer.update(gradients, point.optimizer_state, moving)
        size = len(batch[0])
        found = [size * value, size * norm]
        for metric in self.metrics.values():
            found.append(size * self.program.measure(metric, point.parameters, prediction, batch))
        totals = tuple(map(sum, zip(point.totals, found, strict=True))) if point.totals else tuple(found)
        self.history.losses.append(value)
        self.point = point._replace(
            parameters=self.chosen.whole(moving, point.parameters),
            state=state,
            optimizer_state=memory,
            batch=point.batch + 1,
            steps=point.steps + 1,
            examples=point.examples + size,
            totals=totals,
            draws=rng.bit_generator.state,  # type: ignore[arg-type]  # a dict, which NumPy declares as a mapping
        )
        return value

    def _end_of_epoch(self) -> dict[str, Any]:
        point = self.point
        self._refuse_bad_parameters()
        means = [total / point.examples for total in point.totals]
        row: dict[str, Any] = {"epoch": point.epoch + 1, "loss": means[0]}
        row.update(zip(self.metrics, means[2:], strict=True))
        if self.validation is not None:
            found = averages(self.program, self.metrics, self.validation, point.parameters, point.state)
            row.update((f"validation_{name}", value) for name, value in found.items())
        row["learning_rate"] = float(as_schedule(self.optimizer.learning_rate)(point.optimizer_state["step"] - 1))
        row["gradient_norm"] = means[1]
        now = time.perf_counter()
        row["seconds"] = now - self.started
        self.started = now
        value, column = row[self.monitor.column], self.monitor.column
        key, best = self.monitor.of_row(row), point.best
        if best is None or key < self.monitor.key(best.value):
            best = Best(point.epoch + 1, float(value), column, point.parameters, point.state)
        delta = self.stopping.min_delta if self.stopping is not None else 0.0
        better = key < point.reference - delta
        self.history.add(row)
        self.point = self.good = point._replace(
            epoch=point.epoch + 1,
            batch=0,
            examples=0,
            totals=(),
            draws=None,
            best=best,
            reference=key if better else point.reference,
            waited=0 if better else point.waited + 1,
        )
        return row

    def _moment(self, loss: float, row: dict[str, Any] | None = None) -> Moment:
        point = self.point
        epoch = point.epoch + (row is None)
        done = point.batch if row is None else 0
        return Moment(epoch, done, point.steps, loss, point.parameters, point.state, dict(row or {}), self.history)

    # --- NaN and infinity ----------------------------------------------------------------------------

    def _explain(self, batch: Batch, value: float) -> NoReturn:
        """The same step again in the provenance mode, which tells where NaN or infinity began."""
        self.diverged = True
        point = self.point
        again = stream(self.batches.seed, DRAWS, point.epoch)
        if point.draws is not None:
            again.bit_generator.state = point.draws
        found = NonFiniteError("The provenance mode did not find it again.")
        try:
            with debug_nans(), np.errstate(all="ignore"):
                self.gradient(self.chosen.part(point.parameters), point.parameters, point.state, batch, again)
        except NonFiniteError as error:
            found = error
        what = f"the loss is {value}" if not math.isfinite(value) else "the gradient is not finite"
        cause = ""
        if found.cause == "argument" and point.steps:
            cause = "The step before made it so; the learning rate may be too large.\n"
        raise NonFiniteError(
            f"training stopped in epoch {point.epoch + 1}, batch {point.batch + 1}: {what}. {found}\n"
            f"{cause}{self._kept()}",
            node=found.node,
            operation=found.operation,
            site=found.site,
            cause=found.cause,
            path=found.path,
        )

    def _refuse_bad_parameters(self) -> None:
        """The step itself may overflow, after a gradient that was finite."""
        moving = dict(zip(self.chosen.paths, self.chosen.moving, strict=True))
        for path, x in zip(paths_of(self.point.parameters), leaves_of(self.point.parameters), strict=True):
            if moving[path] and np.asarray(x).dtype.kind == "f" and not np.isfinite(x).all():
                self.diverged = True
                raise NonFiniteError(
                    f"training stopped at the end of epoch {self.point.epoch + 1}: a step made the parameter {path!r} "
                    "NaN or infinite, though its gradient was finite; the learning rate may be too large.\n"
                    f"{self._kept()}",
                    operation="update",
                )

    def _kept(self) -> str:
        when = f"at the end of epoch {self.good.epoch}" if self.good.epoch else "before the first epoch"
        where = f", and in {self.keeper.folder}" if self.keeper is not None else ""
        return f"The parameters {when} are kept: error.fit.parameters{where}."

    # --- checkpoints -----------------------------------------------------------------------------------

    def _write(self) -> None:
        if self.keeper is not None:
            self.keeper.write(self._content(self.point), self.point.steps)

    def _write_unless_there(self) -> None:
        if self.keeper is not None and self.keeper.steps < self.point.steps:
            self._write()

    def _content(self, point: Point) -> dict[str, Any]:
        best: Any = None
        if point.best is not None:
            best = point.best._asdict()
            if best["parameters"] is point.parameters:  # not twice
                best["parameters"] = best["state"] = None
        rows = self.history.rows()[: point.epoch]
        return {
            "parameters": point.parameters,
            "state": point.state,
            "optimizer_state": point.optimizer_state,
            "best": best,
            "run": self.run,
            "position": {
                **{name: getattr(point, name) for name in (*POSITION, *ANEW)},
                "sign": self.monitor.sign,
                "draws": json.dumps(point.draws),
                "seconds": time.perf_counter() - self.started,
            },
            "history": {"losses": np.array(self.history.losses[: point.steps]), "rows": json.dumps(rows)},
        }

    def _restored(self, content: dict[str, Any]) -> tuple[Point, float]:
        position = content["position"]
        best = content["best"]
        if best is not None:
            if best["parameters"] is None:
                best = {**best, "parameters": content["parameters"], "state": content["state"]}
            best = Best(**best)
        # what was monitored before cannot be compared with something else: begin to look for the best anew
        same = best is None or (best.monitor == self.monitor.column and position["sign"] == self.monitor.sign)
        best = best if same else None
        point = Point(
            content["parameters"],
            content["state"],
            content["optimizer_state"],
            **{name: position[name] for name in POSITION},
            **(ANEW if not same else {name: position[name] for name in ANEW}),
            draws=json.loads(position["draws"]),
            best=best,
        )
        history = content["history"]
        self.history = History(history["losses"].tolist(), json.loads(history["rows"]))
        return point, float(position["seconds"])


POSITION = ("epoch", "batch", "steps", "examples", "totals")
ANEW: dict[str, Any] = {"reference": math.inf, "waited": 0}
"""What belongs to the quantity that is monitored, as it is at first."""
