"""The hand: the only place that calls a tool."""

from .asking import touch_confirm, touch_probe
from .entering import Touch
from .touching import touch, touch_async, touch_here

__all__ = ["Touch", "touch", "touch_async", "touch_confirm", "touch_here", "touch_probe"]
