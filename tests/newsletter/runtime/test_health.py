import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client


@pytest.mark.django_db
def test_all_is_well_where_both_servers_answer(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"postgres": True, "redis": True})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_is_named(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (503, {"postgres": True, "redis": False})


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as elsewhere:
        elsewhere.setitem(connection.settings_dict, "HOST", "/nowhere")
        response = client.get("/healthz")
        assert (response.status_code, response.json()) == (503, {"postgres": False, "redis": True})


@pytest.mark.django_db
def test_health_is_answered_over_plain_http(client: Client, settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200


def test_health_is_only_asked_for(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
