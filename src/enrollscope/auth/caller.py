"""The verified caller of a request."""

from dataclasses import dataclass

from enrollscope.odata.errors import BadRequest, Forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, as a verified access token says.

    Attributes:
        tenant_id: the partition of the data this caller lives in; a GUID in lower case.
        user_id: object id of the signed-in user, a GUID in lower case; None for an application without a user.
        app_id: the client application, as the token names it.
        token_id: names the token in the change log; never enough to use it.
        permissions: delegated scopes or application roles, never a mixture of the two.
        delegated: whether a user is signed in.
    """

    tenant_id: str
    user_id: str | None
    app_id: str
    token_id: str
    permissions: frozenset[str]
    delegated: bool

    def require(self, accepted: tuple[str, ...]) -> None:
        """Let the caller pass if it holds at least one of the accepted permissions.

        Raises:
            Forbidden: it holds none; names them all, in the words of contract §5.2.
        """
        if self.permissions.isdisjoint(accepted):
            raise Forbidden(
                "Application is not authorized to perform this operation. "
                f"Application must have one of the following scopes: {', '.join(accepted)}"
            )

    def require_user(self) -> str:
        """Return the signed-in user, whom `/me` means.

        Raises:
            BadRequest: there is none (contract §12 row 40).
        """
        if self.user_id is None:
            raise BadRequest("/me request is only valid with delegated authentication flow.")
        return self.user_id
