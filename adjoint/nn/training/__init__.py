"""Training: mini-batches, validation, early stopping, callbacks, checkpoints, progress and history."""

from adjoint.nn.training.callbacks import EarlyStopping, Moment, StopTraining
from adjoint.nn.training.checkpoints import Checkpoints
from adjoint.nn.training.files import DamagedFileError, load, save
from adjoint.nn.training.fitting import Fit, fit
from adjoint.nn.training.histories import History
from adjoint.nn.training.inference import evaluate, predict
from adjoint.nn.training.loop import Best
from adjoint.nn.training.metrics import METRICS, accuracy, top_k
from adjoint.nn.training.programs import OBJECTIVES
from adjoint.nn.training.steps import Step, step_of

__all__ = [
    "METRICS",
    "OBJECTIVES",
    "Best",
    "Checkpoints",
    "DamagedFileError",
    "EarlyStopping",
    "Fit",
    "History",
    "Moment",
    "Step",
    "StopTraining",
    "accuracy",
    "evaluate",
    "fit",
    "load",
    "predict",
    "save",
    "step_of",
    "top_k",
]
