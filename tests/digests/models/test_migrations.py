"""What an upgrade does to the large tables while workers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddIndex

LARGE = {"delivery", "providerevent"}
FIRST = "0020"  # from here on, tables may be large already


def test_indexes_of_large_tables_are_made_without_a_lock_on_writes() -> None:
    migrations = MigrationLoader(None).disk_migrations
    adding = [
        operation
        for (app, name), migration in migrations.items()
        if app == "digests" and name >= FIRST
        for operation in migration.operations
        if isinstance(operation, AddIndex) and operation.model_name_lower in LARGE
    ]
    assert len(adding) >= 2
    assert all(isinstance(operation, AddIndexConcurrently) for operation in adding)
