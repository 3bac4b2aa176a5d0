import pytest

from enrollscope.auth.remembered import Remembered


def test_a_value_is_there_until_its_time_and_not_at_it() -> None:
    """RFC 7519 §4.1.4: a token must not be accepted on or after its expiry."""
    memory: Remembered[str] = Remembered(2)
    memory.put(b"a", "value", until=100.0)
    assert memory.get(b"a", 99.999) == "value"
    assert memory.get(b"a", 100.0) is None
    assert memory.get(b"a", 50.0) is None, "what has ended is gone for good"


def test_the_least_recently_used_is_forgotten_first() -> None:
    """Capacity is a bound, and use keeps a value alive."""
    memory: Remembered[str] = Remembered(2)
    memory.put(b"a", "A", until=100.0)
    memory.put(b"b", "B", until=100.0)
    memory.get(b"a", 1.0)
    memory.put(b"c", "C", until=100.0)
    assert len(memory) == 2
    assert (memory.get(b"a", 1.0), memory.get(b"b", 1.0), memory.get(b"c", 1.0)) == ("A", None, "C")


def test_a_repeated_value_takes_no_second_place() -> None:
    """Putting a value again replaces it and its time."""
    memory: Remembered[str] = Remembered(2)
    memory.put(b"a", "A", until=100.0)
    memory.put(b"a", "A2", until=200.0)
    assert len(memory) == 1
    assert memory.get(b"a", 150.0) == "A2"


def test_clearing_forgets_everything() -> None:
    """After a change of keys nothing verified before may count."""
    memory: Remembered[str] = Remembered(2)
    memory.put(b"a", "A", until=100.0)
    memory.clear()
    assert memory.get(b"a", 1.0) is None


def test_a_memory_without_room_is_refused() -> None:
    """A capacity of nothing is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least 1"):
        Remembered(0)
