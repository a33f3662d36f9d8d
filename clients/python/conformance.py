"""The Python side of tests/conformance: every call goes through ``firstlight.client``.

``runner.py`` starts it; with ``--aio``, it takes the asyncio client. Outcomes have the form that
tests/conformance/README.md describes; nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from firstlight.client import AsyncClient, Client, attributes_of, newest, query
from firstlight.errors import FirstlightError, InvalidInputError
from firstlight.v1 import plugin_service_pb2, recommendation_pb2, training_job_pb2

CLASSES = {
    "InvalidInputError": "InvalidInput",
    "NotFoundError": "NotFound",
    "ConflictError": "Conflict",
    "PreconditionError": "Precondition",
    "CorruptBundleError": "CorruptBundle",
    "UnavailableError": "Unavailable",
    "DeadlineError": "Deadline",
}


class Blocking:
    """Calls of the blocking client."""

    language = "python"
    client_class: type[Client] | type[AsyncClient] = Client

    def value(self, made: Any) -> Any:
        """The result of a call."""
        return made

    def each(self, made: Any) -> Generator[Any, None, None]:
        """What a call yields; closing it closes the call."""
        yield from made

    def close(self, client: Any) -> None:
        """End a client."""
        client.close()


class Waiting(Blocking):
    """Calls of the asyncio client, on one event loop."""

    language = "python-aio"
    client_class = AsyncClient

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def value(self, made: Any) -> Any:
        """The result of a call."""
        return self._loop.run_until_complete(made)

    def each(self, made: Any) -> Generator[Any, None, None]:
        """What a call yields."""
        try:
            while True:
                yield self.value(made.__anext__())
        except StopAsyncIteration:
            pass
        finally:
            self.value(made.aclose())

    def close(self, client: Any) -> None:
        """End a client."""
        self.value(client.close())


def run(given: argparse.Namespace) -> None:
    """Print the outcomes of all cases."""
    kind = Waiting() if given.aio else Blocking()
    outcomes = {}
    for file in sorted(given.cases.glob("*.json")):
        for case in json.loads(file.read_text("utf-8")):
            outcomes[case["name"]] = run_case(kind, case, given)
    print(json.dumps({"language": kind.language, "cases": outcomes}))


def run_case(kind: Blocking, case: dict[str, Any], given: argparse.Namespace) -> list[Any]:
    """The outcome of each step."""
    saved = {"run": given.run_id}
    options = filled(case.get("options", {}), saved)
    if case["target"] == "tls":
        options["ca_file"] = given.ca
    addresses = {
        "server": [given.server],
        "faults": given.faults[:1],
        "both_faults": given.faults,
        "tls": [given.tls],
    }[case["target"]]
    try:
        client = in_loop(kind, lambda: kind.client_class.connect(*addresses, **options))
    except Exception as error:
        return [{"crash": repr(error)}]
    outcomes = []
    for step in case["steps"]:
        args, times = step.get("args", {}), step.get("repeat", 1)
        made = [run_step(kind, client, step["call"], filled(args, saved)) for _ in range(times)]
        outcomes.append(made if "repeat" in step else made[0])
        for name, path in step.get("save", {}).items():
            result = made[-1].get("result")
            if isinstance(result, dict) and path in result:
                saved[name] = result[path]
    kind.close(client)
    return outcomes


def in_loop(kind: Blocking, make: Callable[[], Any]) -> Any:
    """A client made where its calls will run: the asyncio client belongs to the loop that makes it."""
    if not isinstance(kind, Waiting):
        return make()

    async def made() -> Any:
        return make()

    return kind.value(made())


def run_step(kind: Blocking, client: Any, name: str, args: dict[str, Any]) -> dict[str, Any]:
    """One outcome."""
    try:
        return {"result": CALLS[name](kind, client, **args)}
    except FirstlightError as error:
        outcome: dict[str, Any] = {
            "class": CLASSES.get(type(error).__name__, "Error"),
            "code": error.code,
            "reason": str(error.reason),
            "metadata": error.metadata,
        }
        if isinstance(error, InvalidInputError):
            outcome["violations"] = [[v.field, v.description] for v in error.violations]
            outcome["total"] = error.total
        return {"error": outcome}
    except Exception as error:
        return {"crash": repr(error)}


def filled(value: Any, saved: dict[str, str]) -> Any:
    """``value`` with ``${name}`` replaced and ``$repeat`` written out."""
    if isinstance(value, str):
        for name, text in saved.items():
            value = value.replace("${" + name + "}", text)
        return value
    if isinstance(value, list):
        return [filled(each, saved) for each in value]
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            repeat = value["$repeat"]
            return [filled(repeat["value"], {**saved, "i": str(i)}) for i in range(repeat["count"])]
        return {key: filled(each, saved) for key, each in value.items()}
    return value


def recommendation(answer: recommendation_pb2.Recommendation) -> dict[str, Any]:
    """A LIST."""
    code, scenario = recommendation_pb2.Reason.Code.Name, recommendation_pb2.Scenario.Name
    reason = recommendation_pb2.Degradation.Reason.Name
    return {
        "items": [
            [i.item_id, i.source, code(i.reason.code).removeprefix("CODE_") if i.HasField("reason") else ""]
            for i in answer.items
        ],
        "scenario": scenario(answer.scenario).removeprefix("SCENARIO_"),
        "strategy": answer.strategy,
        "route": recommendation_pb2.Route.Name(answer.route).removeprefix("ROUTE_"),
        "bundle_id": answer.bundle_id,
        "attribution_token": answer.attribution_token,
        "degraded": [[reason(d.reason).removeprefix("REASON_"), d.component] for d in answer.degraded],
    }


def asked(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a query; a pair in a history is a list in JSON."""
    if "history" in args:
        args["history"] = newest([(item, value) for item, value in args["history"]])
    return args


def entity(message: Any) -> dict[str, Any]:
    """An item or a user."""
    plain = {name: plain_value(value) for name, value in attributes_of(message).items()}
    return {"id": message.item_id if message.DESCRIPTOR.name == "Item" else message.user_id, "attributes": plain}


def plain_value(value: Any) -> Any:
    """An attribute as JSON."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def entities(given: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each.get("attributes", {}) for each in given}


def timed(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "time": datetime.fromisoformat(each["time"])} if "time" in each else each for each in given]


def upserted(response: Any) -> dict[str, Any]:
    return {"write_token": response.write_token, "unknown_attributes": list(response.unknown_attributes)}


def deleted(response: Any) -> dict[str, Any]:
    return {"write_token": response.write_token}


def written(response: Any) -> dict[str, Any]:
    return {
        "write_token": response.write_token,
        "written": response.written_count,
        "unchanged": response.unchanged_count,
    }


def activated(response: Any) -> dict[str, Any]:
    return {"bundle_id": response.bundle.bundle_id, "write_token": response.write_token}


def state(message: Any) -> str:
    return training_job_pb2.TrainingJob.State.Name(message.state).removeprefix("STATE_")


def job(message: Any) -> dict[str, Any]:
    return {"job_id": message.job_id, "state": state(message)}


def watched(kind: Blocking, client: Any, job_id: str, cancel_after: int = 0) -> dict[str, Any]:
    states: list[str] = []
    stream = kind.each(client.watch_training_job(job_id))
    for number, message in enumerate(stream, start=1):
        if [state(message)] != states[-1:]:
            states.append(state(message))
        if number == cancel_after:
            stream.close()
            return {"states": states, "cancelled": True}
    return {"states": states, "cancelled": False}


def plugin(message: Any) -> list[str]:
    return [message.name, plugin_service_pb2.PluginState.Name(message.state).removeprefix("PLUGIN_STATE_")]


CALLS: dict[str, Callable[..., Any]] = {
    "recommend": lambda k, c, **a: recommendation(k.value(c.recommend(**asked(a)))),
    "batch_recommend": lambda k, c, queries, **a: [
        recommendation(each) for each in k.value(c.batch_recommend([query(**asked(q)) for q in queries], **a))
    ],
    "rank": lambda k, c, **a: recommendation(k.value(c.rank(**asked(a)))),
    "similar_items": lambda k, c, **a: recommendation(k.value(c.similar_items(**a))),
    "get_item": lambda k, c, **a: entity(k.value(c.get_item(**a))),
    "get_user": lambda k, c, **a: entity(k.value(c.get_user(**a))),
    "list_items": lambda k, c, **a: [each.item_id for each in k.each(c.list_items(**a))],
    "list_users": lambda k, c, **a: [each.user_id for each in k.each(c.list_users(**a))],
    "upsert_items": lambda k, c, items: upserted(k.value(c.upsert_items(entities(items)))),
    "upsert_users": lambda k, c, users: upserted(k.value(c.upsert_users(entities(users)))),
    "delete_items": lambda k, c, ids: deleted(k.value(c.delete_items(ids))),
    "delete_users": lambda k, c, ids: deleted(k.value(c.delete_users(ids))),
    "write_interactions": lambda k, c, interactions, **a: written(
        k.value(c.write_interactions(timed(interactions), **a))
    ),
    "write_all": lambda k, c, interactions, **a: written(k.value(c.write_all(timed(interactions), **a))),
    "get_bundle": lambda k, c, **a: {"bundle_id": k.value(c.get_bundle(**a)).bundle_id},
    "list_bundles": lambda k, c, **a: [each.bundle_id for each in k.each(c.list_bundles(**a))],
    "activate_bundle": lambda k, c, **a: activated(k.value(c.activate_bundle(**a))),
    "roll_back_bundle": lambda k, c: activated(k.value(c.roll_back_bundle())),
    "create_training_job": lambda k, c, **a: job(k.value(c.create_training_job(**a))),
    "get_training_job": lambda k, c, **a: job(k.value(c.get_training_job(**a))),
    "cancel_training_job": lambda k, c, **a: job(k.value(c.cancel_training_job(**a))),
    "list_training_jobs": lambda k, c, **a: [each.job_id for each in k.each(c.list_training_jobs(**a))],
    "watch_training_job": watched,
    "list_plugins": lambda k, c, **a: [plugin(each) for each in k.each(c.list_plugins(**a))],
    "health": lambda k, c: {"status": k.value(c.health())},
}
