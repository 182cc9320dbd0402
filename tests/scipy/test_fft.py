"""Transforms of scipy.fft: values are SciPy's, derivatives those of differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.fft

import adjoint
from adjoint.scipy import fft
from tests.primitives.case import Case, any_real, case
from tests.primitives.cases_fft import parts
from tests.scipy.laws import laws_of


def of_complex(f: Any, a: Any, **options: Any) -> Any:
    return parts(f(a[0] + 1j * a[1], **options))


def _fouriers() -> list[Case]:
    cases = [
        case(f, "axis", any_real(2, 3, 2), call=lambda f, a: of_complex(f, a, n=4, axis=0)) for f in (fft.fft, fft.ifft)
    ]
    cases += [case(f, "ortho", any_real(5), call=lambda f, a: parts(f(a, norm="ortho"))) for f in (fft.rfft, fft.ihfft)]
    cases += [case(f, "odd", any_real(2, 3), call=lambda f, a: f(a[0] + 1j * a[1], 5)) for f in (fft.irfft, fft.hfft)]
    for f in (fft.fft2, fft.ifft2, fft.fftn, fft.ifftn):
        cases.append(case(f, "plain", any_real(2, 2, 3), call=of_complex))
    for f in (fft.rfft2, fft.rfftn):
        cases.append(case(f, "plain", any_real(2, 3), call=lambda f, a: parts(f(a))))
    for f in (fft.irfft2, fft.irfftn):
        cases.append(case(f, "plain", any_real(2, 2, 3), call=lambda f, a: f(a[0] + 1j * a[1])))
    return [
        *cases,
        case(fft.fftn, "shape_without_axes", any_real(2, 2, 3), call=lambda f, a: of_complex(f, a, s=(4,))),
        case(fft.fftn, "numbers", any_real(2, 2, 3), call=lambda f, a: of_complex(f, a, s=2, axes=0)),
    ]


def _cosines() -> list[Case]:
    cases = []
    for f in (fft.dct, fft.idct, fft.dst, fft.idst):
        for type_ in (1, 2, 3, 4):
            for norm in ("backward", "ortho", "forward"):
                cases.append(case(f, f"{type_}_{norm}", any_real(4), type=type_, norm=norm))
            cases.append(case(f, f"{type_}_orthogonalized", any_real(3), type=type_, orthogonalize=True))
            cases.append(
                case(f, f"{type_}_not_orthogonalized", any_real(3), type=type_, norm="ortho", orthogonalize=False)
            )
        cases += [
            case(f, "default", any_real(5)),
            case(f, "cropped", any_real(5), n=3),
            case(f, "padded", any_real(3), n=5, norm="ortho"),
            case(f, "axis", any_real(3, 2), axis=0),
            case(f, "complex", any_real(2, 4), call=of_complex),
        ]
    for f in (fft.dctn, fft.idctn, fft.dstn, fft.idstn):
        cases += [
            case(f, "default", any_real(2, 3)),
            case(f, "axes", any_real(2, 3, 2), axes=(0, -1), norm="ortho"),
            case(f, "shape", any_real(2, 3), s=(3, -1), axes=[0, 1]),
            case(f, "shape_without_axes", any_real(2, 3), s=4, type=3),
        ]
    return cases


CASES = [*_fouriers(), *_cosines()]


@laws_of(CASES)
def test_laws(one: Case, law: Any) -> None:
    law(one)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_values_are_scipys(one: Case) -> None:
    theirs = getattr(scipy.fft, one.subject.__name__)
    f, x = one.point()
    g, _ = replace(one, call=lambda _, *xs: one.call(theirs, *xs)).point()
    for a, b in zip(np.atleast_1d(adjoint.trace(f, *x).compile().output), np.atleast_1d(g(*x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def test_other_functions_are_scipys() -> None:
    assert fft.next_fast_len is scipy.fft.next_fast_len
    x = np.arange(4.0)
    np.testing.assert_array_equal(fft.dct(x), scipy.fft.dct(x))
    np.testing.assert_array_equal(fft.fft(x, workers=1), scipy.fft.fft(x))
