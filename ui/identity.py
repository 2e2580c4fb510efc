"""Who is asking: what the door has put on the request, read in one place."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class Person:
    """The signed-in user."""

    id: str
    name: str
    role: str


def person_of(request: gr.Request) -> Person:
    """The signed-in user.

    Raises:
        PermissionError: the request has not come through the door, which must never happen.
    """
    user = request.request.scope.get("asklepion.user") if request.request is not None else None
    if user is None:
        raise PermissionError("This request did not come through the sign-in.")
    return Person(str(user.id), str(user.name), str(user.role))


def user_of(request: gr.Request) -> str:
    """The id of the signed-in user.

    Raises:
        PermissionError: the request has not come through the door, which must never happen.
    """
    return person_of(request).id
