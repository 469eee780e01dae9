import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where PostgreSQL and Redis answer, else 503 and which of them does not."""
    state = {"postgres": is_postgres_up(), "redis": is_redis_up()}
    return JsonResponse(state, status=200 if all(state.values()) else 503)


def is_postgres_up() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def is_redis_up() -> bool:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
