"""What the errors of PostgreSQL and of its driver mean for a change: by code, so that no error is met unprepared."""

import asyncpg
import pytest

from enrollscope.store.postgres_connections import Failure, failure_of


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        pytest.param(asyncpg.ConnectionDoesNotExistError, Failure.LOST, id="08003-connection-gone"),
        pytest.param(asyncpg.AdminShutdownError, Failure.LOST, id="57P01-server-stops"),
        pytest.param(asyncpg.CrashShutdownError, Failure.LOST, id="57P02-server-crashed"),
        pytest.param(asyncpg.CannotConnectNowError, Failure.LOST, id="57P03-server-starts"),
        pytest.param(asyncpg.DatabaseDroppedError, Failure.LOST, id="57P04-database-dropped"),
        pytest.param(asyncpg.TooManyConnectionsError, Failure.LOST, id="53300-no-connection-left"),
        pytest.param(asyncpg.IdleInTransactionSessionTimeoutError, Failure.LOST, id="25P03-silent-too-long"),
        pytest.param(asyncpg.ReadOnlySQLTransactionError, Failure.LOST, id="25006-standby"),
        pytest.param(asyncpg.DiskFullError, Failure.BUSY, id="53100-disk-full"),
        pytest.param(asyncpg.OutOfMemoryError, Failure.BUSY, id="53200-memory-full"),
        pytest.param(asyncpg.ConfigurationLimitExceededError, Failure.BUSY, id="53400-limit-of-the-server"),
        pytest.param(asyncpg.QueryCanceledError, Failure.BUSY, id="57014-took-too-long"),
        pytest.param(asyncpg.LockNotAvailableError, Failure.BUSY, id="55P03-row-is-held"),
        pytest.param(asyncpg.PostgresIOError, Failure.BUSY, id="58030-disk-fails"),
        pytest.param(asyncpg.SerializationError, Failure.CONFLICT, id="40001-others-were-faster"),
        pytest.param(asyncpg.DeadlockDetectedError, Failure.CONFLICT, id="40P01-deadlock"),
        pytest.param(asyncpg.UniqueViolationError, Failure.CONFLICT, id="23505-key-is-there-by-now"),
        pytest.param(asyncpg.CheckViolationError, Failure.FAULT, id="23514-value-is-wrong"),
        pytest.param(asyncpg.ProgramLimitExceededError, Failure.FAULT, id="54000-value-is-too-large"),
        pytest.param(asyncpg.UndefinedTableError, Failure.FAULT, id="42P01-no-such-table"),
        pytest.param(ConnectionResetError, Failure.LOST, id="reset"),
        pytest.param(TimeoutError, Failure.LOST, id="no-answer"),
        pytest.param(ValueError, Failure.FAULT, id="bug"),
    ],
)
def test_an_error_tells_whether_to_try_again(error: type[Exception], failure: Failure) -> None:
    """Gone: on another connection; in the way: again; unable: later; at fault: not."""
    assert failure_of(error("…")) is failure


def test_a_log_in_that_finds_no_room_is_not_taken_for_a_bug() -> None:
    """The server reports it as an internal error, as it does its bugs."""
    assert failure_of(asyncpg.InternalServerError("could not write init file")) is Failure.BUSY
    assert failure_of(asyncpg.InternalServerError("could not find a plan")) is Failure.FAULT
