"""Numbers as people read them: never with an exponent of a programming language."""

import math

_SMALL = 1e-6
_HUGE = 1e12
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ERROR_DIGITS = 2


def number_text(value: float | None, error: float | None = None, *, digits: int = 4) -> str:
    """Return a number with the digits that say something; a dash for none.

    What stands before the decimal point is never rounded: ``12,346``, ``1.235``, ``0.000012``,
    ``1.2 × 10⁻⁷``.

    Parameters
    ----------
    error : float, optional
        Half the width of its error bar; the number then ends where the bar's second digit does:
        ``1.23 ± 0.12``.
    digits : int
        How many a number has after its leading zeros, at least.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error):
        return _plain(value, digits)
    if not _SMALL <= error < _HUGE:
        return f"{_plain(value, digits)} ± {_plain(error, _ERROR_DIGITS)}"
    places = max(0, _ERROR_DIGITS - 1 - _power(error, _ERROR_DIGITS))
    return f"{value:,.{places}f} ± {error:,.{places}f}"


def _plain(value: float, digits: int) -> str:
    size = abs(value)
    if size == 0:
        return "0"
    power = _power(size, digits)
    if not _SMALL <= size < _HUGE:
        return f"{_trimmed(value / 10.0**power, digits - 1)} × 10{str(power).translate(_RAISED)}"
    return _trimmed(value, digits - 1 - power)


def _power(size: float, digits: int) -> int:
    """Return the power of ten of a number that was rounded to so many digits."""
    return int(f"{size:.{digits - 1}e}".partition("e")[2])


def _trimmed(value: float, places: int) -> str:
    text = f"{value:,.{max(0, places)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
