"""Instances over REST: listed for administrators, and declared gone."""

from __future__ import annotations

from datetime import timedelta

from app.models import Instance
from app.services.installation.instances import begin_instance
from tests.api.rest import Rest, problem


def silent(rest: Rest) -> str:
    made = begin_instance(rest.ctx)
    with rest.ctx.write() as session:
        session.get_one(Instance, made).heartbeat_at -= timedelta(minutes=1)
    return made


def test_a_host_is_drained_and_takes_work_again(rest: Rest) -> None:
    lost, alive = silent(rest), begin_instance(rest.ctx)
    body = rest.post(f"/instances/{alive}/drain").json
    assert (body["status"], body["held_operations"]) == ("draining", 0)
    assert body["draining_since"] is not None
    client = rest.app.test_client()
    assert client.get("/readyz/web").status_code == 503
    body = rest.post(f"/instances/{alive}/undrain").json
    assert (body["status"], body["draining_since"]) == ("alive", None)
    assert client.get("/readyz/web").status_code == 200
    problem(rest.post(f"/instances/{lost}/drain"), 409, "conflict")
    problem(rest.post("/instances/ins_nobody/undrain"), 404, "not_found")


def test_a_host_is_listed_and_declared_gone(rest: Rest) -> None:
    lost, alive = silent(rest), begin_instance(rest.ctx)
    found = {item["id"]: item for item in rest.get("/instances").json["items"]}
    assert (found[lost]["status"], found[alive]["status"]) == ("silent", "alive")
    assert (found[lost]["held_operations"], found[lost]["gone_at"]) == (0, None)
    body = rest.post(f"/instances/{lost}/gone").json
    assert (body["status"], body["gone_by"]) == ("gone", "admin")
    problem(rest.post(f"/instances/{alive}/gone"), 409, "conflict")
    problem(rest.post("/instances/ins_nobody/gone"), 404, "not_found")
