"""The login at Redis, asked for by each new connection: a password that changes needs no restart."""

from typing import Any

from redis.credentials import CredentialProvider

from optimus_kit.secret_watcher import SecretWatcher


class SecretCredentials(CredentialProvider):
    """User and password, the password being a secret as it is now. Without one nothing is shown to the server.

    Args:
        secrets: where the password is.
        names: the secrets that may be it; the first that is there is.
        username: the user; None for the default one.
    """

    def __init__(self, secrets: SecretWatcher, *names: str, username: str | None = None) -> None:
        self._secrets = secrets
        self._names = names
        self._username = username

    def get_credentials(self) -> Any:
        """Return the words that AUTH is sent with."""
        password = next(filter(None, map(self._secrets.get, self._names)), None)
        if password is None:
            return ()
        return (self._username, password) if self._username else (password,)

    async def get_credentials_async(self) -> Any:
        """Return the same: reading a secret waits for nothing."""
        return self.get_credentials()
