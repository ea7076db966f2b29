"""Answers of several messages do not wait for an acknowledgement."""

import socket

from pages._parts.connections import send_at_once


def no_delay(connection):
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_connections_that_there_are_and_those_to_come_send_at_once():
    # Made as Streamlit makes it: without the protocol, which is what asyncio goes by.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as early:
            assert not no_delay(early)
            assert send_at_once() >= 2
            assert no_delay(early)
            early.send(b"still open")
            with socket.create_connection(listening.getsockname()), listening.accept()[0] as late:
                assert no_delay(late)
