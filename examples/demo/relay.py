"""A TCP relay in front of Secrets Manager with a switch: while it is out, it accepts connections and never answers."""

import contextlib
import socket
import threading


class Relay:
    def __init__(self, target_port: int):
        self._target_port = target_port
        self._works = threading.Event()
        self._works.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def begin_outage(self) -> None:
        self._works.clear()

    def end_outage(self) -> None:
        self._works.set()

    def close(self) -> None:
        self._works.set()  # lets held connections end
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target_port)) as target:
            back = threading.Thread(target=self._copy, args=(target, client), daemon=True)
            back.start()
            self._copy(client, target)
            back.join()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        """Copies until one side ends. What it reads during an outage is held, and dropped with its connection after."""
        with contextlib.suppress(OSError):  # the other side has gone
            while data := source.recv(65536):
                if not self._works.is_set():
                    self._works.wait()
                    source.shutdown(socket.SHUT_RDWR)
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
