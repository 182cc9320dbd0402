"""Cases of numpy.fft: real and imaginary parts of every transform, of real signals and of complex ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, any_real, case

Options = dict[str, Any]
Shape = tuple[int, ...]
fft = np.fft


def parts(y: Any) -> Any:
    """A complex result as two real ones."""
    return [np.real(y), np.imag(y)]


def signal(a: Any) -> Any:
    """A complex signal from two real ones, the halves of the first axis."""
    half = a.shape[0] // 2
    return a[:half] + 1j * a[half:]


ONE_AXIS: dict[str, tuple[Shape, Options]] = {
    "even": ((4,), {}),
    "odd": ((5,), {}),
    "two": ((2,), {}),
    "ortho": ((4,), {"norm": "ortho"}),
    "forward": ((3,), {"norm": "forward"}),
    "backward": ((3,), {"norm": "backward"}),
    "cropped": ((5,), {"n": 4}),
    "cropped_ortho": ((5,), {"n": 3, "norm": "ortho"}),
    "padded": ((3,), {"n": 6}),
    "padded_odd": ((3,), {"n": 7, "norm": "forward"}),
    "axis": ((4, 2), {"axis": 0}),
    "last_axis": ((2, 3), {}),
    "negative_axis": ((2, 3, 2), {"axis": -2, "n": 4}),
    "no_rows": ((0, 3), {}),
}

SEVERAL_AXES: dict[str, tuple[Shape, Options]] = {
    "default": ((2, 4), {}),
    "odd": ((3, 3), {"norm": "ortho"}),
    "sizes": ((3, 3), {"s": (2, 4), "axes": (0, 1)}),
    "axes": ((2, 3, 4), {"axes": (2, 0)}),
    "negative_axes": ((2, 3, 2), {"axes": (-3, -2), "norm": "forward"}),
    "whole_axis": ((3, 4), {"s": (-1, 3), "axes": (0, 1)}),
}

REPEATED: dict[str, tuple[Shape, Options]] = {
    "one_axis": ((2, 3), {"axes": (1,)}),
    "twice_the_same": ((2, 3), {"axes": (1, 1)}),
}


def of_real(f: Any, table: dict[str, tuple[Shape, Options]]) -> list[Case]:
    """The transforms of real signals, whose results are complex."""
    return [
        case(f, name, any_real(*shape), call=lambda f, a, o=options: parts(f(a, **o)))
        for name, (shape, options) in table.items()
    ]


def of_complex(f: Any, table: dict[str, tuple[Shape, Options]]) -> list[Case]:
    """The same of complex signals."""
    return [
        case(
            f,
            f"complex_{name}",
            any_real(2 * shape[0], *shape[1:]),
            call=lambda f, a, o=options: parts(f(signal(a), **o)),
        )
        for name, (shape, options) in table.items()
    ]


def to_real(f: Any, table: dict[str, tuple[Shape, Options]]) -> list[Case]:
    """The transforms of half a spectrum, which may be a real one, to a real signal."""
    skipped = ("two", "no_rows")  # by default such a signal would have no entry, or two
    return [
        one
        for name, (shape, options) in table.items()
        if name not in skipped
        for one in (
            case(f, f"real_{name}", any_real(*shape), **options),
            case(f, name, any_real(2 * shape[0], *shape[1:]), call=lambda f, a, o=options: f(signal(a), **o)),
        )
    ]


def _more() -> list[Case]:
    x = any_real(4)
    return [
        *(case(f, "to_one", x, call=lambda f, a: f(signal(a), 1)) for f in (fft.irfft, fft.hfft)),
        *(case(f, "to_two", x, call=lambda f, a: f(signal(a))) for f in (fft.irfft, fft.hfft)),
        *(case(f, "keywords", x, call=lambda f, a: parts(f(a=a, n=3, axis=-1))) for f in (fft.fft, fft.ifft, fft.rfft)),
        case(fft.irfft, "power_spectrum", any_real(6), call=lambda f, a: f(np.abs(fft.rfft(a)) ** 2)),
        case(fft.irfft, "convolution", any_real(3), any_real(3), call=_convolved),
        case(fft.irfft, "spectral_derivative", any_real(5), call=_derivative),
        case(fft.ifft, "there_and_back", x, call=lambda f, a: f(fft.fft(np.exp(a)) ** 2).real),
        *(
            one
            for f in (fft.fftshift, fft.ifftshift)
            for one in (
                case(f, "even", any_real(4)),
                case(f, "odd", any_real(5)),
                case(f, "all_axes", any_real(2, 3)),
                case(f, "axis", any_real(3, 2), axes=0),
                case(f, "negative_axis", any_real(3, 3), axes=-1),
                case(f, "axes", any_real(3, 2, 3), axes=(0, 2)),
                case(f, "list_of_axes", any_real(3, 3), axes=[0]),
                case(f, "of_spectrum", any_real(3), call=lambda f, a: parts(f(fft.fft(a)))),
            )
        ),
    ]


def _convolved(irfft: Any, a: Any, b: Any) -> Any:
    n = a.size + b.size - 1
    return irfft(fft.rfft(a, n) * fft.rfft(b, n), n)


def _derivative(irfft: Any, a: Any) -> Any:
    return irfft(2j * np.pi * fft.rfftfreq(a.size) * fft.rfft(a), a.size)


CASES: list[Case] = [
    *(c for f in (fft.fft, fft.ifft) for c in of_real(f, ONE_AXIS) + of_complex(f, ONE_AXIS)),
    *(c for f in (fft.rfft, fft.ihfft) for c in of_real(f, ONE_AXIS)),
    *(c for f in (fft.irfft, fft.hfft) for c in to_real(f, ONE_AXIS)),
    *(c for f in (fft.fft2, fft.ifft2) for c in of_complex(f, SEVERAL_AXES)),
    *(c for f in (fft.fftn, fft.ifftn) for c in of_complex(f, SEVERAL_AXES | REPEATED) + of_real(f, SEVERAL_AXES)),
    *(c for f in (fft.rfft2, fft.rfftn) for c in of_real(f, SEVERAL_AXES)),
    *(c for f in (fft.irfft2, fft.irfftn) for c in to_real(f, SEVERAL_AXES)),
    *_more(),
]
