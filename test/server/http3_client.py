"""Asks a gateway over HTTP/3 and prints what it saw as one JSON object: http3_client.py CA_FILE PORT."""

import asyncio
import json
import sys

from qh3.asyncio.client import connect
from qh3.asyncio.protocol import QuicConnectionProtocol
from qh3.h3.connection import H3_ALPN, ErrorCode, H3Connection
from qh3.h3.events import DataReceived, HeadersReceived
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.events import ConnectionTerminated, StreamReset

CA_FILE, PORT = sys.argv[1], int(sys.argv[2])
CHAT = "/v1/chat/completions"
MEBIBYTE = 1024 * 1024
DEADLINE_S = 20


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.answers = {}

    def quic_event_received(self, event):
        if self.http is None:
            self.http = H3Connection(self._quic)
        if isinstance(event, StreamReset) and event.stream_id in self.answers:
            self.answers[event.stream_id].put_nowait("reset")
        if isinstance(event, ConnectionTerminated):
            for answer in self.answers.values():
                answer.put_nowait("closed")
        for told in self.http.handle_event(event):
            if told.stream_id in self.answers and isinstance(told, (HeadersReceived, DataReceived)):
                self.answers[told.stream_id].put_nowait(told)

    def ask(self, request_id, body, method="POST", path=CHAT, headers=()):
        """Sends a request; returns the number of its stream."""
        stream = self._quic.get_next_available_stream_id()
        self.answers[stream] = asyncio.Queue()
        head = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", f"localhost:{PORT}".encode()),
            (b":path", path.encode()),
            (b"content-type", b"application/json"),
            (b"x-request-id", request_id.encode()),
            *headers,
        ]
        self.http.send_headers(stream, head, end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, json.dumps(body).encode(), end_stream=True)
        self.transmit()
        return stream

    async def answer(self, stream):
        """The whole answer."""
        headers, body, chunks = {}, b"", 0
        while True:
            told = await self.answers[stream].get()
            if isinstance(told, str):
                return {"status": told}
            if isinstance(told, HeadersReceived):
                headers.update((name.decode(), value.decode()) for name, value in told.headers)
            else:
                body += told.data
                chunks += 1
            if told.stream_ended:
                return {"status": headers.pop(":status"), "headers": headers, "text": body.decode(), "chunks": chunks}

    async def first_bytes(self, stream):
        told = await self.answers[stream].get()
        while not isinstance(told, DataReceived) or not told.data:
            told = await self.answers[stream].get()

    def leave(self, stream):
        """Wants nothing more of an answer (RFC 9114 section 4.1.1)."""
        self._quic.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
        self.transmit()


def chat(model="one", content="hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def connection():
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name="localhost")
    configuration.load_verify_locations(CA_FILE)
    return connect("127.0.0.1", PORT, configuration=configuration, create_protocol=Client)


async def ask_all():
    seen = {}
    async with connection() as client:
        questions = {
            "unary": ("h3-unary", chat()),
            "streamed": ("h3-stream", chat(stream=True), "POST", CHAT, [(b"x-simulate", b"chunks=3, chunk-delay-ms=50")]),
            "retried": ("h3-retried", chat("fallback")),
            "unknown model": ("h3-unknown", chat("nothing-like-it")),
            "unreachable": ("h3-unreachable", chat("unreachable")),
            "large": ("h3-large", chat(content="x" * (17 * MEBIBYTE))),
            "too large": ("h3-too-large", chat(content="x" * (19 * MEBIBYTE))),
            "models": ("h3-models", None, "GET", "/v1/models"),
        }
        streams = {name: client.ask(*question) for name, question in questions.items()}
        for name, stream in streams.items():
            seen[name] = await client.answer(stream)
        slow = [(b"x-simulate", b"chunks=1000, chunk-delay-ms=50")]
        left = client.ask("h3-left", chat(stream=True), headers=slow)
        await client.first_bytes(left)
        client.leave(left)
        # The connection goes on.
        seen["after leaving"] = await client.answer(client.ask("h3-after", chat()))
    async with connection() as client:
        await client.first_bytes(client.ask("h3-closed", chat(stream=True), headers=slow))
    return seen


print(json.dumps(asyncio.run(asyncio.wait_for(ask_all(), DEADLINE_S))))
