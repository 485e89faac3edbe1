"""A service's login at PostgreSQL, which alternates between two users: NAME and NAME_b.

A user has one password, so a second user stands for the second value: the one that nobody uses gets a new password,
services change over, and the first one is locked. The secret is `USER:PASSWORD`, user and password as one; before its
first rotation it may be a password alone, of the user whose verifier says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.errors import Refused
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.postgres import Database, Role, stack_psql
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.rotation.scram import new_verifier, verifies
from optimus_ops.secrets.value import Secret

BYTES = 32
SUFFIX = "_b"
GRACE_SECONDS = 10.0
"""No statement of memory-engine takes longer; its pool gives a connection of the old user back after it."""


def make_rotator(context: RotationContext) -> PostgresLoginRotator:
    """Return the rotator of a project's stack."""
    stack = context.running()
    return PostgresLoginRotator(Database(stack_psql(stack.docker, stack.project.name)))


@dataclass(frozen=True)
class Login:
    """A user and its password."""

    user: str
    password: Secret = field(repr=False)


@dataclass(frozen=True)
class PostgresLoginRotator:
    """Rotates a login between two users that have the same rights."""

    database: Database
    name: str = "postgres-login"

    def check(self, key: str, old: Secret) -> None:
        """Refuse where nobody can log in with the value, or the other user is missing, in use, or of other groups."""
        try:
            roles = self.database.roles()
            login = _current(key, old, roles)
            other = _existing(alternate(login.user), roles)
            if other.sessions:
                raise _in_use(other)
            if self.database.groups(login.user) != self.database.groups(other.name):
                raise TargetFailed(f"{other.name} is not in the groups of {login.user}", "invoke migrate")
        except TargetFailed as error:
            raise Refused(error.message, error.hint) from None

    def mint(self, key: str, _rotation: str, old: Secret) -> Secret:
        """Return the other user with a new password."""
        login = _current(key, old, self.database.roles())
        return Secret(f"{alternate(login.user)}:{secrets.token_urlsafe(BYTES)}")

    def discard(self, _key: str, _rotation: str, _old: Secret) -> None:
        """Do nothing: the server knows no password before it is installed."""

    def install(self, pair: ValuePair) -> None:
        """Give the other user its password; one that has sessions is left alone."""
        roles = self.database.roles()
        login = _login(pair, pair.new)
        role = _existing(login.user, roles)
        if role.can_login and verifies(role.verifier, login.password):
            return
        if role.sessions:
            raise _in_use(role)
        self.database.set_login(login.user, new_verifier(login.password), allowed=True)

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Log in and use its rights; raise `TargetFailed` where it lacks them.

        psql gives no code for a refused login. It counts as refused where the server, asked before and after, has it
        locked or knows another password; where it should have been let in, something else was wrong.
        """
        try:
            login = _login(pair, value)
            expected = self._expected(login)
            found = self.database.log_in(login.user, login.password)
            if not found.connected:
                refused = not expected and not self._expected(login)
                return Validity.INVALID if refused else Validity.UNKNOWN
        except TargetFailed:
            return Validity.UNKNOWN
        if found.complaint:
            raise TargetFailed(f"{login.user} is let in but can't work: {found.complaint}", "invoke migrate")
        return Validity.VALID

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the one that services use: both are valid at the server."""
        return {pair.key: current}

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the one that is left."""
        return {pair.key: current}

    def old_uses(self, pair: ValuePair) -> str:
        """Return how many sessions the old user has."""
        role = self.database.roles().get(_login(pair, pair.old).user)
        return f"{role.sessions} sessions of {role.name}" if role and role.sessions else ""

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Lock a user and take its password, once the other one is let in; then end what it still has."""
        other = pair.new if value == pair.old else pair.old
        if self.probe(pair, other) is not Validity.VALID:
            raise TargetFailed("the login that is to stay is not let in, so the other one is not locked")
        user = _login(pair, value).user
        if _existing(user, self.database.roles()).can_login:
            self.database.set_login(user, new_verifier(Secret(secrets.token_urlsafe(BYTES))), allowed=False)
        self.database.end_sessions(user)

    def grace_seconds(self, _key: str) -> float:
        """Return the seconds in which services give back connections of the old user."""
        return GRACE_SECONDS

    def _expected(self, login: Login) -> bool:
        role = self.database.roles().get(login.user)
        return role is not None and role.can_login and verifies(role.verifier, login.password)


def alternate(user: str) -> str:
    """Return the other user of two."""
    return user.removesuffix(SUFFIX) if user.endswith(SUFFIX) else user + SUFFIX


def _login(pair: ValuePair, value: Secret) -> Login:
    """Return the login that a value stands for; the new one names its user, and so tells who the other one is."""
    new = pair.new.reveal().partition(":")[0]
    user, colon, password = value.reveal().partition(":")
    if colon and password and user in {new, alternate(new)}:
        return Login(user, Secret(password))
    return Login(alternate(new), value)


def _current(key: str, value: Secret, roles: Mapping[str, Role]) -> Login:
    """Return the login that a value stands for now; raise `TargetFailed` where nobody can log in with it."""
    user, colon, password = value.reveal().partition(":")
    named = Login(user, Secret(password)) if colon and user in roles else None
    for role in roles.values():
        candidate = named if named and named.user == role.name else Login(role.name, value)
        if role.can_login and verifies(role.verifier, candidate.password):
            return candidate
    raise TargetFailed(f"no user of PostgreSQL can log in with {key}", "invoke migrate, which gives it to its user")


def _existing(user: str, roles: Mapping[str, Role]) -> Role:
    if user not in roles:
        raise TargetFailed(f"PostgreSQL has no user {user}", "invoke migrate, which makes both")
    return roles[user]


def _in_use(role: Role) -> TargetFailed:
    return TargetFailed(
        f"{role.name} has {role.sessions} sessions: whoever they are would lose their password",
        "find them in pg_stat_activity, and have them use the login that services use",
    )
