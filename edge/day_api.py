"""The service as a program beside it sees it: its HTTP API, asked again where the network fails, and its events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Between attempts; after the last of them the service is gone."""
SILENCE_S = 40.0
"""A living event stream says something every 15 s."""


class Gone(Exception):
    """The service does not answer; the message says at which address."""


class Said(Exception):
    """The service refused, and says why."""

    def __init__(self, status: int, title: str) -> None:
        self.status, self.title = status, title
        super().__init__(f"{status} {title}")


class Api:
    """Use it as a context."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(base_url=url, timeout=10.0, limits=limits, trust_env=False)
        self._url, self._seq = url, 0
        self.latencies_ms: list[float] = []
        self.refused: Counter[str] = Counter()

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._client.aclose()

    async def get(self, path: str) -> Any:
        """JSON, or None where there is nothing. Raises Said, Gone."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, **body: Any) -> Any:
        """As `get`; asked again it happens once."""
        return await self._ask("POST", path, body)

    async def attempt(self, path: str, **body: Any) -> Any:
        """As `post`; a refusal is counted, and None."""
        try:
            return await self.post(path, **body)
        except Said as said:
            self.refused[said.title] += 1
            return None

    async def page(self, path: str) -> str:
        """A page's text; "" where there is none. Raises Gone."""
        answer = await self._answer("GET", path, None)
        return answer.text if answer.status_code == 200 else ""

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = await self._answer(method, f"/api/v1{path}", body)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Said(answer.status_code, _title(answer))

    async def _answer(self, method: str, path: str, body: Any) -> httpx.Response:
        headers = {} if method == "GET" else {"Idempotency-Key": uuid.uuid4().hex}
        for pause in (*PAUSES_S, None):
            began = time.perf_counter()
            try:
                answer = await self._client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code != 503:
                self.latencies_ms.append((time.perf_counter() - began) * 1000)
                return answer
            if pause is None or not self.latencies_ms:  # nobody was ever there
                break
            await asyncio.sleep(pause)
        raise Gone(f"nobody answers at {self._url}; is the service running there?")

    async def follow(self, after: int, tell: Callable[[dict[str, Any]], None]) -> None:
        """Tells every event of the journal from there on, without a gap where the connection broke. Never ends."""
        self._seq = after
        while True:
            with contextlib.suppress(httpx.TransportError):
                await self._listen(tell)
            await asyncio.sleep(PAUSES_S[0])

    async def _listen(self, tell: Callable[[dict[str, Any]], None]) -> None:
        timeout = httpx.Timeout(10.0, read=SILENCE_S)
        async with self._client.stream("GET", f"/api/v1/events?after={self._seq}", timeout=timeout) as answer:
            async for line in answer.aiter_lines():
                event = json.loads(line[5:]) if line.startswith("data:") else {}
                if "seq" in event:
                    self._seq = event["seq"]
                    tell(event)


def _title(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["title"])
    except (ValueError, LookupError, TypeError):
        return f"HTTP {answer.status_code}"
