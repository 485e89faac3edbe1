"""The pool's change to another login, without a restart and without a failed request.

A login is taken only once the database has let it in on a connection of its own (one more than the pool's, for a
moment): one that is refused leaves the service on the login that it has. Then new connections use it, and those of the
old one are closed: idle ones at once, others as they are given back. A transaction lasts no longer than the statement
timeout lets it, so the old user's sessions end in bounded time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memory_engine.logins import Login, ReadLogin

LOOK_SECONDS = 1.0

log = logging.getLogger("memory_engine.login")


class Pool(Protocol):
    """What the change needs of a pool of connections."""

    conninfo: str
    """How it connects from now on."""

    async def drain(self) -> None:
        """Close the connections that there are: idle ones at once, others as they are given back."""


@dataclass
class LoginSwitch:
    """Looks for another login, and has the pool use it.

    Args:
        pool: the connections.
        read: reads the login as it is wanted now.
        tell: is told the text of the login that is in use.
    """

    pool: Pool
    read: ReadLogin
    tell: Callable[[str], None]
    _refused: Login | None = None
    _again: bool = False

    @property
    def used(self) -> Login:
        """The login of new connections."""
        given = conninfo_to_dict(self.pool.conninfo)
        return Login(str(given.get("user") or ""), str(given.get("password") or ""))

    async def keep_looking(self) -> None:
        """Look at once and then once a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Change to the wanted login if it is another one and the database lets it in."""
        if self._again:
            # A connection that was being opened during the change came with the old login, and may be idle since.
            self._again = False
            await self.pool.drain()
        wanted = self.read()
        if wanted is None:
            return
        if wanted == self.used:
            self.tell(wanted.text)
            return
        conninfo = make_conninfo(self.pool.conninfo, user=wanted.user, password=wanted.password)
        if not await self._lets_in(conninfo, wanted):
            return
        self.pool.conninfo = conninfo
        self._refused, self._again = None, True
        self.tell(wanted.text)
        await self.pool.drain()
        log.info("the database login is %s now; connections of the one before end as they are given back", wanted.user)

    async def _lets_in(self, conninfo: str, wanted: Login) -> bool:
        try:
            connection = await AsyncConnection.connect(conninfo)
        except psycopg.Error as error:
            if wanted != self._refused:
                # The text of the error names host and user, and never the password.
                log.warning("the login that is wanted now isn't used: %s", str(error).strip())
            self._refused = wanted
            return False
        await connection.close()
        return True
