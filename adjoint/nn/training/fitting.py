"""``fit``: parameters that lower an objective, found by mini-batches of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, NonFiniteError
from adjoint.nn import optimizers
from adjoint.nn.layers.layer import Layer
from adjoint.nn.optimizers import Optimizer
from adjoint.nn.optimizers.trees import map_leaves
from adjoint.nn.training.batches import Batches, batches_of
from adjoint.nn.training.callbacks import Hooks, early_stopping_of
from adjoint.nn.training.checkpoints import Keeper
from adjoint.nn.training.histories import History
from adjoint.nn.training.inference import dtype_of
from adjoint.nn.training.loop import Best, Loop
from adjoint.nn.training.metrics import metrics_of
from adjoint.nn.training.programs import Program, program_of
from adjoint.nn.training.seeds import INITIAL, checked_seed, stream
from adjoint.nn.training.steps import checked_clip
from adjoint.nn.training.trainable import Trainable, selection

Tree = Any


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit:
    """What :func:`fit` found.

    Attributes
    ----------
    parameters, state : pytrees
        After the last step; of the best epoch, where early stopping restores it.
    history : History
    best : Best or None
        The epoch whose loss (of the validation, if there is one) was least, with its parameters; or as early stopping
        monitors. ``None`` before the end of the first epoch.
    stopped : str
        ``"epochs"``: all of them are done. ``"early"``: by early stopping. ``"callback"``: by a callback.
        ``"interrupted"``: by the keyboard. ``"not finite"``: by NaN or infinity. ``"not written"``: by a checkpoint
        that could not be. In the last two cases such a ``Fit`` is the attribute ``fit`` of the error that is raised.
    """

    parameters: Tree
    state: Tree
    history: History
    best: Best | None
    stopped: str

    def __repr__(self) -> str:
        best = f"; best in epoch {self.best.epoch}: {self.best.monitor} {self.best.value:.4g}" if self.best else ""
        return f"<fit stopped by {self.stopped}: {self.history!r}{best}>"


def fit(
    model: Any,
    objective: Any,
    data: Any,
    *,
    validation: Any = None,
    optimizer: str | Optimizer = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    metrics: Any = None,
    seed: int = 0,
    parameters: Tree = None,
    state: Tree = None,
    dtype: Any = None,
    shuffle: bool = True,
    drop_last: bool = False,
    trainable: Trainable = None,
    clip_norm: float | None = None,
    penalty: Callable[[Tree], Any] | None = None,
    early_stopping: Any = None,
    callbacks: Any = (),
    checkpoint: Any = None,
    resume: bool = True,
    progress: Any = None,
    solver: Any = None,
) -> Fit:
    """Train a model: at every step the gradient of one mini-batch, by a solve with its constraint system.

    Parameters
    ----------
    model : Layer, callable or None
        A function is called as ``model(parameters, x)``, with those of the keywords ``rng``, ``training`` and ``state``
        that its signature names; with ``state`` it returns ``(prediction, new state)``.
    objective : callable or str
        ``objective(prediction, *targets)``, where the targets are the arrays of the data after the first: a scalar, the
        mean over the examples of the batch. With ``data=(x,)`` it is called with the prediction alone. Losses of
        :mod:`adjoint.nn.functional` have their names: ``"cross_entropy"``. With ``model=None``, for whatever is no loss
        of a prediction: ``objective(parameters, *batch)``, with keywords as a model.
    data : tuple of arrays, or callable
        Arrays with one first axis: inputs, targets. A callable is a factory: ``epoch → iterable of batches`` (tuples of
        arrays), epochs counted from 0; to resume in the middle of an epoch it has to give the same batches again.
    validation : tuple of arrays or callable, optional
        Data on which objective and metrics are computed after every epoch, without the penalty.
    optimizer : str or Optimizer
    epochs : int
    batch_size : int or None
        ``None``: all examples at once.
    metrics : dict, str, callable, or a sequence of these
        ``(prediction, *targets) → mean over the examples``: see :func:`accuracy`. With ``model=None``
        ``(parameters, *batch)``.
    seed : int
        Of the initial parameters, the order of the examples, and what the model draws.
    parameters, state : pytrees, optional
        To begin with. A layer makes its own if they are not given.
    dtype : dtype, optional
        Of the parameters, to which the floating-point arrays of each batch are converted: that of ``parameters``, and
        float32 where the layer makes them.
    shuffle, drop_last : bool
        Whether examples come in a new order in each epoch; whether a smaller last batch is left out.
    trainable : callable, str or sequence of str, optional
        Which parameters move: a predicate of paths like ``"conv1/weight"``, or paths and prefixes. Others are
        constants.
    clip_norm : float, optional
        Gradients are scaled down to at most this Euclidean norm.
    penalty : callable, optional
        ``penalty(parameters)``, added to the objective while training.
    early_stopping : int or EarlyStopping, optional
        An int is the patience.
    callbacks : callable, object, or a sequence of these
        Functions are called with a :class:`Moment` after every epoch; objects may have the methods ``on_epoch_begin``,
        ``on_batch_end`` and ``on_epoch_end``. To return True or to raise :class:`StopTraining` ends the training.
    checkpoint : path or Checkpoints, optional
        A folder; by default one checkpoint for each epoch, of which the last three are kept.
    resume : bool
        Whether to go on from the newest checkpoint in the folder; ``parameters`` and ``state`` are then what it holds.
        False begins anew, and the files of before are replaced one by one.
    progress : bool or text stream, optional
        By default a bar (lines without tqdm) if stderr is a terminal. True: lines elsewhere, too.
    solver : str or Solver, optional
        Who solves ``A λ = −s``.

    Returns
    -------
    Fit
        Also after Ctrl-C: ``stopped`` is then ``"interrupted"``, and the last complete step was the last.

    Raises
    ------
    ArgumentError
        For data, names or options that do not fit, before the first step; for a checkpoint of another training.
    NonFiniteError
        If loss or gradient becomes NaN or infinite: where that began, as :func:`adjoint.debug_nans` tells it. Its
        attribute ``fit`` has the parameters of the last good epoch, which are in the checkpoints, too.

    Notes
    -----
    The order of the examples in an epoch depends on the seed and the epoch only, and what the model draws goes on
    from the state of its generator in the checkpoint. So a training that was killed and resumed gives, bit by bit, the
    parameters of one that was not. A checkpoint that is damaged is passed over with a warning, for the one before.

    A checkpoint holds parameters, their best, state and optimizer, each in full: about five times the parameters for
    Adam. Callbacks are not part of it.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> line = lambda p, x: x @ p["weight"] + p["bias"]
    >>> start = {"weight": np.zeros((1, 1)), "bias": np.zeros(1)}
    >>> found = nn.fit(line, "mean_squared_error", (x, 3 * x - 1), parameters=start, optimizer=nn.SGD(0.3), epochs=20)
    >>> print(found.parameters["weight"].round(3), found.parameters["bias"].round(3), found.stopped)
    [[3.]] [-1.] epochs
    """
    program = program_of(model, objective)
    seed = checked_seed(seed)
    epochs = _whole(epochs)
    batches = batches_of(data, batch_size, shuffle=bool(shuffle), drop_last=bool(drop_last), seed=seed)
    method = optimizers.get(optimizer)
    measures = metrics_of(metrics)
    parameters, state = _initial(program, batches, parameters, state, seed, dtype)
    batches = replace(batches, dtype=dtype_of(parameters))
    chosen = selection(parameters, trainable)
    clip_norm = checked_clip(clip_norm)
    keeper = Keeper.of(checkpoint)
    loop = Loop(
        program=program,
        batches=batches,
        validation=_validation(validation, batches, batch_size),
        metrics=measures,
        optimizer=method,
        chosen=chosen,
        penalty=penalty,
        clip_norm=clip_norm,
        epochs=epochs,
        stopping=early_stopping_of(early_stopping),
        hooks=Hooks(callbacks),
        keeper=keeper,
        solver=solver,
        run=_description(program, batches, method, chosen, parameters, measures, clip_norm, penalty),
    )
    loop.begin(parameters, state, resume)
    error: Any = None
    try:
        stopped = loop.run_all(progress)
    except NonFiniteError as caught:
        if not loop.diverged:
            raise
        error, stopped = caught, "not finite"
    except OSError as caught:  # a checkpoint could not be written: what was reached is not lost with it
        loop.history.cut(loop.point.steps, loop.point.epoch)
        error, stopped = caught, "not written"
    result = _result(loop, stopped)
    if error is not None:
        error.fit = result
        raise error
    return result


def _whole(epochs: Any) -> int:
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 0:
        raise ArgumentError(f"epochs is a whole number from 0 up, not {epochs!r:.60}")
    return int(epochs)


def _result(loop: Loop, stopped: str) -> Fit:
    point, best = loop.point, loop.point.best
    restore = loop.stopping is not None and loop.stopping.restore_best and best is not None
    parameters, state = (
        (best.parameters, best.state) if restore and best is not None else (point.parameters, point.state)
    )
    return Fit(parameters, state, loop.history, best, stopped)


def _initial(
    program: Program, batches: Batches, parameters: Tree, state: Tree, seed: int, dtype: Any
) -> tuple[Tree, Tree]:
    """Parameters and state to begin with, in arrays of their own."""
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise ArgumentError(f"dtype is that of real numbers, not {np.dtype(dtype)}")
    if isinstance(program.model, Layer) and (parameters is None or state is None):
        shape = batches.arrays[0].shape if batches.arrays is not None else batches.first()[0].shape
        kind = np.float32 if dtype is None else dtype
        made = program.model.initialize(stream(seed, INITIAL), tuple(shape[1:]), kind)
        state = made.state if state is None else state
        parameters = made.parameters if parameters is None else parameters
    if parameters is None:
        raise ArgumentError("parameters=… are needed: only a layer makes its own, a function does not")
    return map_leaves(lambda x: _own(x, dtype), parameters), {} if state is None else state


def _own(x: Any, dtype: Any) -> Any:
    """A copy in C order, in which it stays; whoever loads it from a file gets that order too."""
    x = np.asarray(x)
    return np.array(x, x.dtype if dtype is None or x.dtype.kind != "f" else dtype, order="C")


def _validation(validation: Any, batches: Batches, batch_size: int | None) -> Batches | None:
    if validation is None:
        return None
    found = batches_of(validation, batch_size, dtype=batches.dtype, clip=True, what="validation")
    if found.arrays is not None and batches.arrays is not None:
        shapes = [[x.shape[1:] for x in each.arrays] for each in (found, batches) if each.arrays is not None]
        if len(shapes[0]) != len(shapes[1]) or shapes[0][:1] != shapes[1][:1]:
            raise ArgumentError(
                f"examples of the validation have the shapes {shapes[0]}, and those of the data {shapes[1]}"
            )
    return found


def _description(
    program: Program,
    batches: Batches,
    optimizer: Optimizer,
    chosen: Any,
    parameters: Tree,
    metrics: Any,
    clip: Any,
    penalty: Any,
) -> dict[str, Any]:
    """What a checkpoint has to agree with, so that going on from it is going on."""
    leaves = [np.asarray(x) for x in chosen.spec.flatten_up_to(parameters)]
    arrays = batches.arrays
    return {
        "model": program.description(),
        "objective": _words(program.objective),
        "penalty": penalty and _words(penalty),
        "parameters": [f"{path} {x.dtype}{list(x.shape)}" for path, x in zip(chosen.paths, leaves, strict=True)],
        "frozen_parameters": chosen.frozen,
        "data": "a factory"
        if arrays is None
        else [f"array {k}: {x.dtype}{list(x.shape)}" for k, x in enumerate(arrays)],
        "batch_size": batches.size,
        "shuffle": batches.shuffle,
        "drop_last": batches.drop_last,
        "seed": batches.seed,
        "optimizer": _words(optimizer),
        "clip_norm": clip,
        "metrics": list(metrics),
    }


def _words(value: Any) -> str:
    """An optimizer with its options; a function has no address in it."""
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        options = ", ".join(f"{name}={_words(getattr(value, name))}" for name in fields)
        return f"{type(value).__name__}({options})"
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    return repr(value)
