"""The HTTP routes of a customer: they join by a PIN or a channel, without a secret, and get their computer as a page.

As with logins, only our own pages can change anything: a cookie of this site, the customer's proof and our Origin.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rescue_web.computers import NotPossible
from rescue_web.customer_page import CustomerPage, Customers, TooManyTries
from rescue_web.files import page_file
from rescue_web.requests import NOT_OURS, body_of, cookie_of, language_of, text_in, visitor_of

if TYPE_CHECKING:
    from starlette.requests import Request

Answering = Callable[["Request", CustomerPage], Awaitable[Response]]
_COOKIE = "customer"


class CustomerRoutes:
    """The routes under /customer."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/customer", self._page),
            Route("/customer/join", self._join, methods=["POST"]),
            Route("/customer/me", self._reading(self._me)),
            Route("/customer/events", self._reading(self._events)),
            Route("/customer/act", self._changing(self._act), methods=["POST"]),
            Route("/customer/sign-out", self._changing(self._leave), methods=["POST"]),
        ]

    def _found(self, request: Request) -> CustomerPage | None:
        return self._customers.find(request.cookies.get(cookie_of(request, _COOKIE), ""))

    def _customer(self, request: Request) -> CustomerPage:
        if (customer := self._found(request)) is None:
            raise HTTPException(401, "join first")
        return customer

    def _reading(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            return await answer(request, self._customer(request))

        return guarded

    def _changing(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            customer = self._customer(request)
            if not hmac.compare_digest(request.headers.get("x-rescue-proof", "").encode(), customer.proof.encode()):
                raise HTTPException(403, NOT_OURS)
            return await _answered(request, answer(request, customer))

        return guarded

    async def _page(self, request: Request) -> Response:
        return page_file("join.html" if self._found(request) is None else "customer.html")

    async def _join(self, request: Request) -> Response:
        return await _answered(request, self._joined(request, await body_of(request)))

    async def _joined(self, request: Request, body: dict[str, Any]) -> Response:
        name, pin, channel = (text_in(body, key).strip() for key in ("name", "pin", "channel"))
        if pin and not (len(pin) == 6 and pin.isascii() and pin.isdigit()):
            raise NotPossible("A PIN has six digits.")
        customer = await self._customers.join(name=name, pin=pin, channel=channel, visitor=visitor_of(request))
        if (former := self._found(request)) is not None:
            await self._customers.leave(former)
        answer = JSONResponse({"ok": True})
        secure, cookie = request.url.scheme == "https", cookie_of(request, _COOKIE)
        answer.set_cookie(cookie, customer.key, httponly=True, samesite="strict", secure=secure, path="/customer")
        return answer

    async def _me(self, request: Request, customer: CustomerPage) -> Response:
        return JSONResponse({"user": customer.computer.name, "proof": customer.proof})

    async def _events(self, request: Request, customer: CustomerPage) -> Response:
        return StreamingResponse(customer.messages(), media_type="text/event-stream")

    async def _act(self, request: Request, customer: CustomerPage) -> Response:
        body = await body_of(request)
        if chat := text_in(body, "chat"):
            await customer.computer.chat(chat)
        else:
            await customer.computer.switch(text_in(body, "switch"))
        return JSONResponse({"ok": True})

    async def _leave(self, request: Request, customer: CustomerPage) -> Response:
        await body_of(request)
        await self._customers.leave(customer)
        answer = JSONResponse({"ok": True})
        answer.delete_cookie(cookie_of(request, _COOKIE), path="/customer", httponly=True, samesite="strict")
        return answer


async def _answered(request: Request, answer: Awaitable[Response]) -> Response:
    try:
        return await answer
    except TooManyTries as error:
        raise HTTPException(429, error.text(language_of(request))) from None
    except NotPossible as error:
        raise HTTPException(409, error.text(language_of(request))) from None
