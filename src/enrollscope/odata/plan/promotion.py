"""Which types go together, and what comes out (URL conventions 4.01 §5.1.1.2)."""

from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.plan.bound import Operator, ScalarType

INTEGERS = (Primitive.SBYTE, Primitive.BYTE, Primitive.INT16, Primitive.INT32, Primitive.INT64)
NUMBERS = (*INTEGERS, Primitive.DECIMAL, Primitive.SINGLE, Primitive.DOUBLE)

_DURATION = Primitive.DURATION
_POINTS_IN_TIME = (Primitive.DATE_TIME_OFFSET, Primitive.DATE)
_SUMS = (Operator.ADD, Operator.SUB)
_SCALINGS = (Operator.MUL, Operator.DIV, Operator.DIVBY)


def common_type(left: ScalarType, right: ScalarType) -> ScalarType | None:
    """The type to which two operands are promoted; `None`: they do not go together."""
    if left is right:
        return left
    if isinstance(left, EnumType) or isinstance(right, EnumType):
        both = isinstance(left, EnumType) and isinstance(right, EnumType)
        return left if both and left.name_in_model == right.name_in_model else None
    if left in NUMBERS and right in NUMBERS:
        return max(left, right, key=NUMBERS.index)
    return None


def arithmetic_type(operator: Operator, left: ScalarType, right: ScalarType) -> Primitive | None:
    """The type of the result of an arithmetic operation; `None`: there is no such operation."""
    if not (isinstance(left, Primitive) and isinstance(right, Primitive)):
        return None
    if left in NUMBERS and right in NUMBERS:
        common = max(left, right, key=NUMBERS.index)
        return Primitive.DECIMAL if operator is Operator.DIVBY and common in INTEGERS else common
    if operator in _SUMS and right is _DURATION and (left in _POINTS_IN_TIME or left is _DURATION):
        return left
    if operator is Operator.SUB and left is right and left in _POINTS_IN_TIME:
        return _DURATION
    if operator in _SCALINGS and left is _DURATION and right in NUMBERS:
        return _DURATION
    return _DURATION if operator is Operator.MUL and left in NUMBERS and right is _DURATION else None
