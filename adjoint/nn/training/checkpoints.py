"""Checkpoints of a training: a few files in a folder, the newest of which continues it where it was."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.nn.training.files import DamagedFileError, pack, unpack, write
from adjoint.tracing import user_depth

NAME = re.compile(r"checkpoint-(\d+)\.npz")
KIND = "training"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a training writes its checkpoints, how often, and how many are kept.

    Parameters
    ----------
    folder : path
        Made if it is not there. It belongs to one training at a time.
    keep : int
        The newest so many; 2 at least are needed for one to be left if the newest is damaged.
    epochs : int or None
        One after so many epochs.
    batches : int or None
        One after so many batches of an epoch.
    seconds : float or None
        One after the batch or epoch at which so many seconds have passed since the last.

    Notes
    -----
    A file gets its name after its content has reached the disk, so ``kill -9`` leaves the ones before as they are.
    """

    folder: str | os.PathLike[str]
    keep: int = 3
    epochs: int | None = 1
    batches: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("keep", "epochs", "batches"):
            value = getattr(self, name)
            if value is None and name != "keep":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ArgumentError(f"Checkpoints: {name} is a whole number from 1 up, not {value!r}")
        if self.seconds is not None and not self.seconds >= 0:
            raise ArgumentError(f"Checkpoints: seconds is a number from 0 up, not {self.seconds!r}")


@dataclass(slots=True)
class Keeper:
    """The files of one training.

    Attributes
    ----------
    files : list of Path
        The ones to be kept or replaced, oldest first; damaged ones are left alone.
    serial : int
        Of the next file.
    steps : int
        At which the newest was written by this process; -1 if none was.
    """

    options: Checkpoints
    folder: Path
    files: list[Path] = field(default_factory=list)
    serial: int = 1
    steps: int = -1
    written: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, given: Any) -> Keeper | None:
        """As the user gave it: a folder, or options. Errors of the folder come now and not after the first epoch."""
        if given is None:
            return None
        options = given if isinstance(given, Checkpoints) else Checkpoints(given)
        try:
            folder = Path(options.folder)
        except TypeError:
            raise ArgumentError(f"checkpoint is a folder or a Checkpoints value, not {given!r:.60}") from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / ".writable", b"")
            (folder / ".writable").unlink()
            for draft in (*folder.glob(".checkpoint-*.tmp"), *folder.glob(".writable.*.tmp")):
                draft.unlink(missing_ok=True)  # of a training that was killed: a folder belongs to one training
            names = sorted((int(found[1]), each) for each in folder.iterdir() if (found := NAME.fullmatch(each.name)))
        except OSError as error:
            raise ArgumentError(f"checkpoints cannot be written to {folder}: {error.strerror or error}") from error
        return cls(options, folder, [each for _, each in names], names[-1][0] + 1 if names else 1)

    def newest(self, run: dict[str, Any]) -> dict[str, Any] | None:
        """The content of the newest file that is whole; ``None`` if there are no files.

        Raises
        ------
        ArgumentError
            If it belongs to another training than ``run`` describes, or no file is whole.
        """
        damages = []
        for path in reversed(list(self.files)):
            try:
                found = unpack(path, path.read_bytes())
                if not (isinstance(found, dict) and found.get("kind") == KIND):
                    raise DamagedFileError(f"{path} is not a checkpoint of a training")
            except (DamagedFileError, OSError) as error:
                damages.append(str(error))
                self.files.remove(path)
                continue
            _refuse_another(path, found["run"], run)
            if damages:
                warnings.warn(
                    f"{'; '.join(damages)}. The training goes on from the checkpoint before: {path}.",
                    RuntimeWarning,
                    stacklevel=user_depth(sys._getframe(0)) + 1,
                )
            return found
        if damages:
            raise ArgumentError(
                f"none of the checkpoints in {self.folder} can be read: {'; '.join(damages)}. "
                "They are left as they are; resume=False begins anew beside them."
            )
        return None

    def due(self, *, epoch: int = 0, batch: int = 0) -> bool:
        """Whether one is to be written after so many epochs, or so many batches of one."""
        options = self.options
        if options.seconds is not None and time.monotonic() - self.written >= options.seconds:
            return True
        if epoch:
            return options.epochs is not None and epoch % options.epochs == 0
        return options.batches is not None and batch % options.batches == 0

    def write(self, content: dict[str, Any], steps: int) -> None:
        """One more file; the oldest beyond those to keep is removed once the new one is safe."""
        path = self.folder / f"checkpoint-{self.serial:06d}.npz"
        write(path, pack({"kind": KIND, **content}))
        self.serial += 1
        self.steps = steps
        self.written = time.monotonic()
        self.files.append(path)
        while len(self.files) > self.options.keep:
            self.files.pop(0).unlink(missing_ok=True)


def _refuse_another(path: Path, found: dict[str, Any], run: dict[str, Any]) -> None:
    """A checkpoint continues the training that wrote it, and no other."""
    differences = [
        _difference(name, found.get(name), run.get(name))
        for name in dict.fromkeys([*run, *found])
        if found.get(name) != run.get(name)
    ]
    if differences:
        raise ArgumentError(
            f"{path} belongs to another training: {'; '.join(differences)}. "
            'Another folder, or resume=False, begins anew; nn.load(path)["parameters"] reads its parameters.'
        )


def _difference(name: str, found: Any, given: Any) -> str:
    name = name.replace("_", " ")
    if isinstance(found, list) and isinstance(given, list):  # one entry tells more than two long lists
        here = [each for each in given if each not in found][:3]
        there = [each for each in found if each not in given][:3]
        found, given = there or "none of them", here or "none of them"
    return f"its {name}: {_words(found)}, now: {_words(given)}"


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
