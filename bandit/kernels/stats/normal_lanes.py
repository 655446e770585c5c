"""Normal distribution, eight float64 lanes at once: polynomials, no branches.

Chebyshev fits, highest power first, literally here: what a library computes at import differs in
its last bit between processors.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels import simd
from bandit.kernels._compile import inline

PHI_LIMIT = 6.4
"""Beyond this Φ is 0 or 1 within 1e-10."""
_PHI_SQUARE = 2.0 / (PHI_LIMIT * PHI_LIMIT)
# (Φ(x) − 1/2)/x on [−6.4, 6.4] in 2x²/6.4² − 1: Φ is off by less than 1e-11.
_PHI = np.array([
    2.1092506358399987e-05, -5.258948943304384e-05, 5.588620969438523e-06, 6.345747232958378e-06,
    0.00024163921586042958, -0.0005105245970259166, 0.0006220978704050139, -0.0010592004555292083,
    0.0020559663268821422, -0.0033361462048644543, 0.004952419590229398, -0.007162514560930205,
    0.009910551567638436, -0.012995123094246861, 0.016263396422866686, -0.019571802833228173,
    0.02283360196392628, -0.026124679711910646, 0.029752545007961068, -0.03436714424173982,
    0.04138997229914632, -0.05523526076285153, 0.1104847688015589,
])  # fmt: skip
_BELL_LIMIT = 7.0
_BELL_SQUARE = 2.0 / (_BELL_LIMIT * _BELL_LIMIT)
# exp(−x²/16) on [−7, 7] in 2x²/49 − 1; its eighth power is off by 4e-10 of itself.
_BELL = np.array([
    7.822858343524893e-08, -6.17317376703122e-07, 4.21958547528547e-06, -2.7545827337707496e-05,
    0.0001621217815533631, -0.0008470131750508716, 0.0038719577417649785, -0.015171749059102228,
    0.04954042642289035, -0.12941172674770998, 0.2535413406015782, -0.33115603667918037,
    0.2162651668298876,
])  # fmt: skip
_EXP_LIMIT = 4.5
# exp(y/8) on [−4.5, 4.5] in y/4.5; its eighth power is off by 4e-12 of itself.
_EXP = np.array([
    1.564829403832846e-08, 2.5076968768189545e-07, 3.5352085689055466e-06, 4.399301163573455e-05,
    0.00046927932459990275, 0.004171372146722697, 0.029663085933046007, 0.1582031249141272,
    0.5625000000000921, 1.0000000000017177,
])  # fmt: skip
_FALL_LIMIT = 0.36
# exp(−y) on [0, 0.36] in y/0.18 − 1, off by 2e-12 of itself.
_FALL = np.array([
    3.949747094468746e-08, -1.3170264725153352e-06, 3.6534699052483325e-05,
    -0.0008118817570480337, 0.013531377427363418, -0.15034863816509073, 0.8352702114112719,
])  # fmt: skip
DENSITY_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_ROOT_2, _LN2 = math.sqrt(2.0), math.log(2.0)


@inline
def cumulative_8(x: simd.Vector64) -> simd.Vector64:
    """Φ(x), off by less than 1e-11 within ±6.4 and held there."""
    limit = simd.splat(PHI_LIMIT)
    x = simd.minimum(simd.maximum(x, simd.splat(-PHI_LIMIT)), limit)
    v = simd.fma(simd.mul(x, x), simd.splat(_PHI_SQUARE), simd.splat(-1.0))
    # Even and odd powers apart: two chains of half the length.
    square = simd.mul(v, v)
    even, odd = simd.splat(_PHI[0]), simd.splat(_PHI[1])
    for i in range(2, _PHI.size - 1, 2):
        even = simd.fma(even, square, simd.splat(_PHI[i]))
        odd = simd.fma(odd, square, simd.splat(_PHI[i + 1]))
    even = simd.fma(even, square, simd.splat(_PHI[_PHI.size - 1]))
    p = simd.fma(odd, v, even)
    return simd.fma(p, x, simd.splat(0.5))


@inline
def bell_8(x: simd.Vector64) -> simd.Vector64:
    """exp(−x²/2) within ±7 and held there."""
    limit = simd.splat(_BELL_LIMIT)
    x = simd.minimum(simd.maximum(x, simd.splat(-_BELL_LIMIT)), limit)
    v = simd.fma(simd.mul(x, x), simd.splat(_BELL_SQUARE), simd.splat(-1.0))
    e = simd.splat(_BELL[0])
    for i in range(1, _BELL.size):
        e = simd.fma(e, v, simd.splat(_BELL[i]))
    e = simd.mul(e, e)
    e = simd.mul(e, e)
    return simd.mul(e, e)


@inline
def exponential_8(y: simd.Vector64) -> simd.Vector64:
    """exp(y) for |y| ≤ 4.5."""
    v = simd.mul(y, simd.splat(1.0 / _EXP_LIMIT))
    e = simd.splat(_EXP[0])
    for i in range(1, _EXP.size):
        e = simd.fma(e, v, simd.splat(_EXP[i]))
    e = simd.mul(e, e)
    e = simd.mul(e, e)
    return simd.mul(e, e)


@inline
def fall_8(y: simd.Vector64) -> simd.Vector64:
    """exp(−y) for 0 ≤ y ≤ 0.36."""
    v = simd.fma(y, simd.splat(2.0 / _FALL_LIMIT), simd.splat(-1.0))
    e = simd.splat(_FALL[0])
    for i in range(1, _FALL.size):
        e = simd.fma(e, v, simd.splat(_FALL[i]))
    return e


@inline
def logarithm_8(x: simd.Vector64) -> simd.Vector64:
    """Natural logarithm of positive normal numbers, to 1e-14.

    ``log m = 2 artanh((m − 1)/(m + 1))`` of the mantissa m in [√½, √2), by its series.
    """
    mantissa, exponent, one = simd.mantissa(x), simd.exponent(x), simd.splat(1.0)
    large = simd.bits_not_below(mantissa, simd.splat(_ROOT_2))
    mantissa = simd.pick(large, simd.mul(mantissa, simd.splat(0.5)), mantissa)
    exponent = simd.pick(large, simd.add(exponent, one), exponent)
    u = simd.div(simd.sub(mantissa, one), simd.add(mantissa, one))
    square = simd.mul(u, u)
    series = simd.splat(2.0 / 17.0)
    for odd in (15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = simd.fma(series, square, simd.splat(2.0 / odd))
    return simd.fma(series, u, simd.mul(exponent, simd.splat(_LN2)))
