"""The exceptions of adjoint: one root, each child also a subclass of the built-in it resembles.

::

    AdjointError
    ├── TracingError                    a traced value was used where its derivative cannot follow
    │   ├── LostDerivativeError         TypeError      float(x), np.asarray(x), writing x into a plain array
    │   ├── EscapedTracerError          RuntimeError   a traced value outlived its trace, or left its thread
    │   ├── TraceMismatchError          RuntimeError   a trace was replayed where another branch would run
    │   └── ArgumentError               TypeError      an argument or output that cannot be differentiated
    ├── RuleError                       about the derivative of one operation
    │   ├── MissingRuleError            NotImplementedError   no rule yet: says how to register one
    │   ├── NotDifferentiableError      TypeError             the operation has no derivative there
    │   └── UnsupportedArgumentError    NotImplementedError   the rule does not cover this argument
    ├── BlockError                      ValueError     a rule produced a block of the wrong shape
    ├── ConstraintSystemError           about one constraint system
    │   ├── AssemblyTooLargeError       MemoryError    the scalar matrix would not fit
    │   └── SeedError                   ValueError     a right-hand side that does not fit the system
    ├── NonFiniteError                  FloatingPointError   adjoint.debug_nans: where NaN or infinity began
    ├── PlotError                       ValueError     a picture that cannot be drawn as asked
    └── SolverError                     about solving it
        ├── UnknownSolverError          ValueError     lists the known ones
        ├── NotAcceptedError            ValueError     this solver does not take this system, and says which do
        ├── SingularBlockError          ArithmeticError   a diagonal block that cannot be inverted
        ├── NotConvergedError           ArithmeticError   an iteration that did not reach its tolerance
        ├── NonFinitePartialError       FloatingPointError   partials that this strategy cannot work with
        └── MissingExtraError           ImportError    an optional package is not installed: names the command

    NonFiniteDerivativeWarning          RuntimeWarning    NaN or infinity entered a derivative: where, and why
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adjoint.tracing.sites import Site


class AdjointError(Exception):
    """Root of all exceptions raised by adjoint."""


class TracingError(AdjointError):
    """A traced value was used where its derivative cannot follow."""


class LostDerivativeError(TracingError, TypeError):
    """An operation would have turned a traced value into a plain number, losing its derivative."""


class EscapedTracerError(TracingError, RuntimeError):
    """A traced value was used after its trace had ended."""


class TraceMismatchError(TracingError, RuntimeError):
    """A trace was evaluated at inputs for which the program would have run differently."""


class ArgumentError(TracingError, TypeError):
    """An argument or an output that cannot be differentiated."""


class RuleError(AdjointError):
    """Something about the derivative of one operation."""


class MissingRuleError(RuleError, NotImplementedError):
    """The operation has no rule yet."""


class NotDifferentiableError(RuleError, TypeError):
    """The operation has no derivative with respect to this argument."""


class UnsupportedArgumentError(RuleError, NotImplementedError):
    """The operation's rule does not cover one of the arguments that were given."""


class BlockError(AdjointError, ValueError):
    """A block whose shape does not fit the constraint it belongs to."""


class ConstraintSystemError(AdjointError):
    """Something about one constraint system."""


class AssemblyTooLargeError(ConstraintSystemError, MemoryError):
    """Assembling the scalar matrix would exhaust memory."""


class SeedError(ConstraintSystemError, ValueError):
    """A right-hand side that does not fit the system."""


class PlotError(AdjointError, ValueError):
    """A picture that cannot be drawn as it was asked for."""


class SolverError(AdjointError):
    """Something about solving a system."""


class UnknownSolverError(SolverError, ValueError):
    """No solver is registered under this name."""


class NotAcceptedError(SolverError, ValueError):
    """The solver does not accept this system."""


class SingularBlockError(SolverError, ArithmeticError):
    """A diagonal block cannot be inverted."""


class NotConvergedError(SolverError, ArithmeticError):
    """An iterative strategy did not reach its tolerance.

    Attributes
    ----------
    node : int or None
        The constraint ``z_node`` (counted from 1) whose block was being solved with; ``None`` for the whole system.
    iterations : int
    residual : float
        Relative, as the strategy's docstring defines it.
    """

    def __init__(self, message: str, *, node: int | None = None, iterations: int = 0, residual: float = 0.0) -> None:
        super().__init__(message)
        self.node = node
        self.iterations = iterations
        self.residual = residual


class NonFinitePartialError(SolverError, FloatingPointError):
    """A strategy met NaN or infinity among the partials, and cannot keep zeros structural against them."""


class MissingExtraError(SolverError, ImportError):
    """An optional package is asked for and not installed."""


class NonFiniteError(AdjointError, FloatingPointError):
    """A derivative under :func:`adjoint.debug_nans` met NaN or infinity; the message says where that began.

    Attributes
    ----------
    node : int or None
        The node ``z_node`` that made it (counted from 1); ``None`` for an output that is a constant.
    operation : str or None
        What that node does.
    site : Site or None
        The user's line (``site.file``, ``site.line``); ``None`` for an argument.
    cause : str
        ``"value"``: the operation gives it for good operands. ``"argument"``, ``"constant"``, ``"seed"``: it was
        given. ``"partial"``: the operation's partial is not finite. ``"product"``: a finite partial times a finite
        multiplier or tangent. ``"sum"``: finite contributions, added. ``"solver"``: back substitution does not find it.
    path : tuple of int
        The nodes from there to the output.
    """

    def __init__(
        self,
        message: str,
        *,
        node: int | None = None,
        operation: str | None = None,
        site: Site | None = None,
        cause: str = "value",
        path: tuple[int, ...] = (),
    ) -> None:
        super().__init__(message)
        self.node = node
        self.operation = operation
        self.site = site
        self.cause = cause
        self.path = path


class NonFiniteDerivativeWarning(RuntimeWarning):
    """NaN or infinity entered a derivative; the message names the node and the user's line.

    :func:`adjoint.debug_nans` makes it an error that tells the whole way.
    """
