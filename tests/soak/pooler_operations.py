"""What the clients behind the pooler do at random."""

import os
import socket
import threading
import time
from typing import Any

from skill_messages import ContextConflictError, MessageNotFoundError, UnknownIdError
from tests.soak.pooler_clients import READ, Actor


class Ordinary(Actor):
    """What an application does, and reading without a context."""

    ordinary = {  # noqa: RUF012
        **{"send": 20, "inbox": 20, "sent": 8, "one": 8, "unread": 6, "read": 6, "decide": 6},
        **{"read_these": 2, "export": 0.3, "direct": 6, "bare": 4},
    }

    def _send(self, client: Any, to: str | None = None) -> None:
        text = f"{self._tenant} {self._user} {self._peer} {self._random.random()}"
        message_id = self._random.choice([self._id, None])
        skill = f"s{self._random.randrange(3)}"
        client.send_skill_message(self._user, to or self._peer, skill, text, id=message_id)

    def _inbox(self, client: Any) -> None:
        self._check(client.get_messages_for_user(self._user, 20))

    def _sent(self, client: Any) -> None:
        self._check(client.get_named_messages_from_user(self._user, 20))

    def _one(self, client: Any) -> None:
        self._check([client.get_skill_message(self._id)])

    def _unread(self, client: Any) -> None:
        client.get_unread_count_for_user(self._user)

    def _read(self, client: Any) -> None:
        client.mark_message_read(self._id)

    def _read_these(self, client: Any) -> None:
        page = client.get_messages_for_user(self._user, 5)
        client.mark_messages_read(self._user, message_ids=[message.id for message in page])

    def _decide(self, client: Any) -> None:
        status = self._random.choice(["accepted", "declined"])
        self._check([client.update_message_status(self._id, status)])

    def _export(self, client: Any) -> None:
        self._check(client.export_user_messages(self._user))

    def _direct(self, client: Any) -> None:
        with self._transaction():
            self._check(client.get_messages_for_user(self._user, 5))

    def _bare(self, _: Any) -> None:
        """Without a context there is nothing to see, whoever used the connection before."""
        seen = self._connection.execute(READ).fetchall()
        self.found.wrong += [f"without a context: {row}" for row in seen]


class Client(Ordinary):
    """All of it, and faults."""

    faulty = {  # noqa: RUF012
        **{"unknown_user": 3, "wrong_id": 3, "id_of_another_tenant": 3, "second_tenant": 2},
        **{"cancelled": 0.6, "disconnected": 1, "statement_timeout": 0.6, "idle_timeout": 0.4},
    }

    def _unknown_user(self, client: Any) -> None:
        with self._refused(UnknownIdError):
            self._id = f"unknown-{self._random.random()}"
            self._send(client, to="nobody")

    def _wrong_id(self, client: Any) -> None:
        with self._refused(MessageNotFoundError):
            client.get_skill_message("no such message")

    def _id_of_another_tenant(self, client: Any) -> None:
        act = self._random.choice([client.get_skill_message, client.mark_message_read])
        with self._refused(MessageNotFoundError):
            act(f"only-in-{self._other}")

    def _second_tenant(self, _: Any) -> None:
        with self._refused(ContextConflictError), self._transaction():
            self._client(self._other).get_unread_count_for_user(self._user)

    def _cancelled(self, _: Any) -> None:
        timer = threading.Timer(self._random.uniform(0, 0.03), self._connection.cancel)
        try:
            with self._transaction() as connection:
                timer.start()
                connection.execute("SELECT pg_sleep(0.1)")
        finally:
            if timer.ident:
                timer.join()

    def _statement_timeout(self, _: Any) -> None:
        with self._transaction(statement_timeout="5ms") as connection:
            connection.execute("SELECT pg_sleep(1)")

    def _idle_timeout(self, _: Any) -> None:
        with self._transaction(idle_in_transaction_session_timeout="5ms") as connection:
            time.sleep(0.02)
            connection.execute(READ)

    def _disconnected(self, client: Any) -> None:
        """The socket is gone in mid-transaction, as after kill -9 of the client."""
        with self._transaction() as connection:
            client.get_messages_for_user(self._user, 5)
            with socket.socket(fileno=os.dup(connection.fileno())) as plug:
                plug.shutdown(socket.SHUT_RDWR)
            connection.execute(READ)
