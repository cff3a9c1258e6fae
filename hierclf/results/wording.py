"""Figures in words: how numbers, intervals and verdicts are written."""

from __future__ import annotations

from types import MappingProxyType

from hierclf.cascade.cut_point import parse_rule
from hierclf.cascade.views_choice import LARGEST_LOSS, ViewsChoice
from hierclf.evaluation.comparison import COMPARED, Difference
from hierclf.evaluation.intervals import Estimate
from hierclf.foundation.counting import count
from hierclf.results.metric_words import metric_of

_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_NOTHING = "\N{EN DASH}"


def number(value: float | None, *, percent: bool = True) -> str:
    r"""Write a figure.

    Parameters
    ----------
    value : float or None
        None where it is undefined.
    percent : bool, default=True
        Whether it is a share.

    Returns
    -------
    text : str
        In percent with one decimal, or with three decimals; a dash for None.

    Examples
    --------
    >>> number(0.784), number(0.784, percent=False)
    ('78.4\xa0%', '0.784')
    """
    if value is None:
        return _NOTHING
    text = f"{100 * value:.1f}{_SPACE}%" if percent else f"{value:.3f}"
    return text.replace("-", _MINUS)


def bounds(estimate: Estimate, *, percent: bool = True) -> str:
    r"""Write an interval.

    Parameters
    ----------
    estimate : Estimate
        A figure with bounds.
    percent : bool, default=True
        Whether it is a share.

    Returns
    -------
    text : str
        Empty where there are no bounds.

    Examples
    --------
    >>> bounds(Estimate(value=0.5, low=0.25, high=0.75, method="wilson"))
    '25.0 to 75.0\xa0%'
    """
    return span(estimate.low, estimate.high, percent=percent)


def span(low: float | None, high: float | None, *, percent: bool = True) -> str:
    """Write the two ends of an interval; empty where one is missing."""
    if low is None or high is None:
        return ""
    start = number(low, percent=percent).removesuffix(f"{_SPACE}%")
    return f"{start} to {number(high, percent=percent)}"


def cut_text(threshold: float) -> str:
    """Write a cut point with two to four decimals.

    Examples
    --------
    >>> cut_text(0.3), cut_text(0.41834)
    ('0.30', '0.4183')
    """
    whole, _, decimals = f"{threshold:.4f}".partition(".")
    return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def gain(difference: Difference) -> str:
    """Write a difference with its sign; shares in percentage points."""
    value, percent = difference.difference.value, metric_of(difference.metric).percent
    if value is None or not percent:
        return signed(value)
    text = f"{100 * value:+.1f} points"
    return text.replace("-", _MINUS).replace(" ", _SPACE)


def signed(value: float | None) -> str:
    """Write a number with its sign; a dash for None."""
    return _NOTHING if value is None else f"{value:+.3f}".replace("-", _MINUS)


def gain_bounds(difference: Difference) -> str:
    """Write the interval of a difference; empty where there is none."""
    low, high = difference.difference.low, difference.difference.high
    if low is None or high is None:
        return ""
    if not metric_of(difference.metric).percent:
        return signed_span(low, high)
    return f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", _MINUS)


def signed_span(low: float | None, high: float | None) -> str:
    """Write two ends with their signs; empty where one is missing."""
    return "" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def gap(difference: Estimate, *, percent: bool = True) -> str:
    r"""Write a difference and its interval in one line.

    Examples
    --------
    >>> gap(Estimate(value=0.02, low=-0.01, high=0.05, method="bootstrap"))
    '+2.0 (\u22121.0 to +5.0)'
    """
    if difference.value is None:
        return ""
    ends = (difference.value, difference.low, difference.high)
    told = [
        "" if x is None else f"{100 * x:+.1f}" if percent else f"{x:+.3f}" for x in ends
    ]
    text = told[0] + (f" ({told[1]} to {told[2]})" if all(told) else "")
    return text.replace("-", _MINUS)


def beyond_chance(difference: Estimate) -> bool:
    """Tell whether an interval leaves out 0."""
    low, high = difference.low, difference.high
    return low is not None and high is not None and (low > 0 or high < 0)


def hundredths(value: float) -> str:
    r"""Write a net benefit as cases in 100 scans.

    Examples
    --------
    >>> hundredths(0.1234), hundredths(-0.02), hundredths(-1e-9)
    ('12.3', '\u22122.0', '0.0')
    """
    return f"{round(100 * value, 1) + 0.0:.1f}".replace("-", _MINUS)


def is_tenth(threshold: float) -> bool:
    """Tell whether a threshold is a whole number of tenths.

    Examples
    --------
    >>> is_tenth(0.3), is_tenth(0.35)
    (True, False)
    """
    return abs(10 * threshold - round(10 * threshold)) < 1e-9


def verdict(difference: Difference) -> str:
    """Say what the interval of a difference allows to say.

    Parameters
    ----------
    difference : Difference
        Of two models on the same scans.

    Returns
    -------
    text : str
        That it is shown to be higher or lower, or that it is not shown to differ.

    Examples
    --------
    >>> gained = Estimate(value=0.02, low=-0.01, high=0.05, method="bootstrap")
    >>> verdict(Difference(metric="accuracy", baseline="a", model="b",
    ...                    difference=gained))
    'not shown to differ: the interval contains 0'
    """
    low, high = difference.difference.low, difference.difference.high
    if low is None or high is None:
        return "no interval: too few patients to say"
    if low > 0:
        return "higher: the whole interval lies above 0"
    if high < 0:
        return "lower: the whole interval lies below 0"
    return "not shown to differ: the interval contains 0"


def judged(difference: Difference, margin: float | None = None) -> str:
    """Say which of two bundles is better, as far as the interval allows.

    Parameters
    ----------
    difference : Difference
        Of two bundles on the same scans.
    margin : float, optional
        A loss that would not matter; looked at where the figure is a share or an
        area.

    Returns
    -------
    text : str
        Better, worse, or not shown to differ; and whether a loss greater than the
        margin is excluded. Sensitivity and specificity are higher or lower: a moved
        cut point buys the one with the other and makes no bundle better.

    Examples
    --------
    >>> lost = Estimate(value=-0.02, low=-0.05, high=0.01, method="bootstrap")
    >>> told = Difference(metric="screen_brier", baseline="a", model="b",
    ...                   difference=lost)
    >>> judged(told)
    'not shown to differ: the interval contains 0'
    """
    low, high = difference.difference.low, difference.difference.high
    if low is None or high is None or low <= 0 <= high or difference.metric in _TRADED:
        told = verdict(difference)
    else:
        up = COMPARED.get(difference.metric, True)
        word = "better" if (low > 0) is up else "worse"
        told = f"{word}: the whole interval lies {'above' if low > 0 else 'below'} 0"
        told += "" if up else " (lower is better)"
    if margin is None or low is None or difference.metric not in _WITH_MARGIN:
        return told
    points = f"{100 * margin:g}{_SPACE}points"
    if low > -margin:
        return f"{told}; a loss of {points} or more is excluded"
    return f"{told}; a loss of {points} or more is not excluded"


_TRADED = ("sensitivity", "specificity")
_WITH_MARGIN = ("macro_recall", "sensitivity", "specificity", "screen_auc")


def p_value(p: float | None) -> str:
    """Write a p value.

    Examples
    --------
    >>> p_value(0.0391), p_value(0.2), p_value(1e-9), p_value(None) == _NOTHING
    ('0.039', '0.20', '< 0.001', True)
    """
    if p is None:
        return _NOTHING
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


_BEST = MappingProxyType(
    {
        "macro_recall": "the highest macro recall",
        "quadratic_kappa": "the highest quadratic weighted kappa",
        "youden": "the highest sum of sensitivity and specificity (Youden's index)",
        "expected_cost": "the lowest expected cost of a scan",
    }
)


def rule_in_words(rule: str) -> str:
    """Say what a cut point was chosen for.

    Parameters
    ----------
    rule : str
        As `hierclf.cascade.cut_point.parse_rule` reads it.

    Returns
    -------
    text : str
        A noun phrase.

    Examples
    --------
    >>> rule_in_words("sensitivity>=0.95")
    'the highest specificity with a sensitivity of at least 0.95'
    """
    read = parse_rule(rule)
    if read.target is None:
        return _BEST[read.name]
    other = "specificity" if read.name == "sensitivity" else "sensitivity"
    return f"the highest {other} with a {read.name} of at least {read.target}"


def printable(value: object) -> object:
    r"""Write out characters that could change how a page reads, such as U+202E.

    Parameters
    ----------
    value : object
        What a template prints.

    Returns
    -------
    value : object
        A plain string without control and direction characters; other things as
        they are.

    Examples
    --------
    >>> printable("scan\u202egnp.exe")
    'scan\\u202egnp.exe'
    """
    if type(value) is not str or value.isprintable():
        return value
    kept = "\n\N{NO-BREAK SPACE}"
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in value)


_TRIED = MappingProxyType(
    {"threecrop": "three crops", "tencrop_onepass": "ten views in one pass"}
)


def views_text(views: ViewsChoice | None) -> str:
    """Say what fewer views than ten crops cost; nothing where none were tried."""
    if views is None:
        return ""
    fewer = _TRIED[views.tried]
    taken = fewer if views.is_taken else "ten crops"
    exact, other = (
        f"{number(one.value)} ({bounds(one)})" for one in (views.exact, views.fewer)
    )
    loss = views.loss
    ends = f"{_points(loss.high)} to {_points(loss.low)}"
    scans = count(views.n_scans, "held-out training scan")
    folds = ""
    if views.in_folds:
        n_taken, n_folds = sum(views.in_folds), len(views.in_folds)
        folds = (
            " The figures of this run are of folds that chose by themselves: "
            f"{fewer} in {n_taken} of {n_folds}."
        )
    return (
        f"A scan is looked at by {taken}. On {scans} ten crops had a macro recall of "
        f"{exact}, {fewer} {other}: a difference of {_points(loss.value)} points "
        f"({ends}). Ten crops stay where the loss is more than {100 * LARGEST_LOSS:g} "
        f"point.{folds}"
    )


def _points(loss: float | None) -> str:
    if loss is None:
        return _NOTHING
    return f"{-100 * loss:+.1f}".replace("-", _MINUS)
