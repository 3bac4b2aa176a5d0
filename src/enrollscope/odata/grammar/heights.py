"""How high the tree of an expression is: what walks it by recursion needs a bound."""

from dataclasses import fields, is_dataclass


def height(node: object) -> int:
    """The number of nodes on the longest way from the top of a tree to a leaf, found without recursion."""
    highest = 0
    waiting: list[tuple[object, int]] = [(node, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, tuple):
            waiting += ((part, level) for part in item)
        elif is_dataclass(item):
            highest = max(highest, level)
            waiting += ((getattr(item, each.name), level + 1) for each in fields(item))
    return highest
