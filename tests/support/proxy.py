"""A man in the middle: stands between a client and a broker whose advertised listener it is, passes
frames on, and lets a test decide about each Produce and InitProducerId, or whatever it names, on its way.

    proxy = Proxy()
    broker = Broker({"advertised.listeners": f"PLAINTEXT://{proxy.address}"}).start()
    proxy.lead_to(broker.host, broker.port)
    proxy.rule = lambda request: request.refuse(6)    # or any other verb of Request; None: pass on

Responses leave in the order of the requests, those that are made here as well.
"""
import collections
import contextlib
import pathlib
import socket
import struct
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wire")]

import batch as batches  # noqa: E402
from patience import PATIENCE_SECONDS  # noqa: E402
from schema import APIS  # noqa: E402
from wire import Reader, decode_fields, encode_fields, raw_frame  # noqa: E402

NONE = 0
SWALLOW, CUT = object(), object()  # instead of a response


def receive(end, size):
    data = b""
    while len(data) < size:
        piece = end.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


def receive_frame(end):
    """The next frame with its size; b"" when there is none any more."""
    size = receive(end, 4)
    return size and size + receive(end, struct.unpack(">i", size)[0])


def without_tags(values):
    if isinstance(values, list):
        return [without_tags(value) for value in values]
    if isinstance(values, dict):
        return {key: without_tags(value) for key, value in values.items() if key != "tags"}
    return values


class Request:
    """A request that is held until one of the verbs below is called, once."""

    def __init__(self, passage, frame):
        self.passage, self.frame = passage, frame
        key, self.version, self.correlation_id, client_size = struct.unpack_from(">hhih", frame, 4)
        self.name = passage.proxy.names[key]
        api = APIS[self.name]
        self.flexible = self.version >= api.flexible
        reader = Reader(frame)
        reader.take(14 + max(0, client_size) + self.flexible)
        self.fields = decode_fields(api.request, reader, self.version, self.flexible)

    @property
    def batches(self):
        return [b for topic in self.fields.get("topics", []) for p in topic["partitions"]
                for b in batches.batches(p["records"])]

    @property
    def values(self):
        return [value for b in self.batches for _, _, value, _ in b.records()]

    def wait_for_answers(self):
        """Until all that was passed on before has been answered, or the connection ends."""
        with self.passage.answered:
            if not self.passage.answered.wait_for(
                    lambda: not self.passage.due or self.passage.running < 2, PATIENCE_SECONDS):
                raise RuntimeError("what was passed on before is not answered")

    # Verbs

    def pass_on(self, change=None):
        """`change` makes the response that the client gets of the one that came."""
        self.passage.forward(self.frame, change)

    def pass_on_twice(self):
        self.passage.forward(self.frame, None)
        self.passage.forward(self.frame, lambda _: SWALLOW)

    def pass_on_damaged(self):
        """Its last byte, which belongs to a record, is another one."""
        damaged = self.frame.replace(self.records, self.records[:-1] + b"\x7f")
        self.passage.forward(damaged, None)

    def pass_on_and_cut(self, then=None):
        """The broker has answered, but the connection breaks before the client hears it."""
        def cut(_):
            if then is not None:
                then()
            return CUT
        self.passage.forward(self.frame, cut)

    def pass_on_but_say(self, code):
        """The client is told this instead of what came."""
        self.passage.forward(self.frame, lambda frame: self._changed(frame, code))

    def refuse(self, code):
        """The broker never sees it."""
        self.passage.answer(self._response(code, -1))

    def claim_success(self, offset):
        """The broker never sees it, and the client believes that it has it."""
        self.passage.answer(self._response(NONE, offset))

    @property
    def records(self):
        return self.fields["topics"][0]["partitions"][0]["records"]

    # Responses

    def _response(self, code, offset):
        if self.name == "InitProducerId":
            return self._encoded({"error": code, "producer_id": -1, "producer_epoch": -1})
        topics = [{**{key: topic[key] for key in ("name", "topic_id") if key in topic},
                   "partitions": [{"index": p["index"], "error": code, "base_offset": offset,
                                   "log_append_time_ms": -1, "log_start_offset": 0}
                                  for p in topic["partitions"]]}
                  for topic in self.fields["topics"]]
        return self._encoded({"topics": topics})

    def _encoded(self, values):
        body = encode_fields(APIS[self.name].response, values, self.version, self.flexible)
        head = struct.pack(">i", self.correlation_id) + (b"\0" if self.flexible else b"")
        return raw_frame(head + body)

    def _changed(self, frame, code):
        values = self.decoded(frame)
        for topic in values["topics"]:
            for partition in topic["partitions"]:
                partition.update(error=code, base_offset=-1)
        return self._encoded(values)

    def decoded(self, frame):
        reader = Reader(frame)
        reader.take(8 + self.flexible)
        return without_tags(decode_fields(APIS[self.name].response, reader, self.version,
                                          self.flexible))


class Passage:
    """One connection of a client, and its own to the broker."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.broker = socket.create_connection(proxy.target)
        for end in (self.client, self.broker):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lock, self.running = threading.Lock(), 2
        self.answered = threading.Condition(self.lock)
        self.due = collections.deque()  # bytes made here, or what changes the broker's next answer
        for run in (self._run_requests, self._run_responses):
            threading.Thread(target=self._guarded, args=(run,), daemon=True).start()

    def _guarded(self, run):
        try:
            run()
        except OSError:
            pass  # one of the ends has gone
        finally:
            self._end()

    def _end(self):
        """When one direction is over the other one soon is. The last one gives the sockets back:
        before, their numbers must not become those of other sockets."""
        with self.lock:
            self.running -= 1
            self.answered.notify_all()
        for end in (self.client, self.broker):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if self.running == 0:
                end.close()

    def _run_requests(self):
        while frame := receive_frame(self.client):
            key = struct.unpack_from(">h", frame, 4)[0]
            if key not in self.proxy.names:
                self.forward(frame, None)
                continue
            request = Request(self, frame)
            if self.proxy.rule is None or self.proxy.rule(request) is False:
                request.pass_on()

    def _run_responses(self):
        while frame := receive_frame(self.broker):
            with self.lock:
                change = self.due.popleft()
                changed = frame if change is None else change(frame)
                if changed is CUT:
                    return
                if changed is not SWALLOW:
                    self.client.sendall(changed)
                self._send_made()
                self.answered.notify_all()

    def forward(self, frame, change):
        with self.lock:
            self.due.append(change)
        self.broker.sendall(frame)

    def answer(self, frame):
        with self.lock:
            self.due.append(frame)
            self._send_made()

    def _send_made(self):
        while self.due and isinstance(self.due[0], bytes):
            self.client.sendall(self.due.popleft())


class Proxy:
    def __init__(self, names=("Produce", "InitProducerId")):
        self.names = {APIS[name].key: name for name in names}
        self.target = self.rule = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def lead_to(self, host, port):
        self.target = host, port

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                Passage(self, client)
            except OSError:
                client.close()  # the broker is down

    def close(self):
        self.listener.close()
