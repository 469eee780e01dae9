"""Consents can be added; beyond that an address of the network can be forgotten, and all go with their reader."""

from django.db import migrations

KEEP = """
CREATE FUNCTION subscribers_consent_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ip IS NULL AND to_jsonb(NEW) - 'ip' = to_jsonb(OLD) - 'ip' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a consent cannot be changed' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER consent_stays_as_it_was BEFORE UPDATE ON subscribers_consent
FOR EACH ROW EXECUTE FUNCTION subscribers_consent_stays();

CREATE FUNCTION subscribers_consent_goes_with_its_reader() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM subscribers_subscriber WHERE id = OLD.subscriber_id) THEN
        RAISE EXCEPTION 'a consent stays for as long as its reader' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- At the end of the transaction: consents are deleted a moment before their reader.
CREATE CONSTRAINT TRIGGER consent_goes_with_its_reader AFTER DELETE ON subscribers_consent
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION subscribers_consent_goes_with_its_reader();
"""
LET_GO = """
DROP TRIGGER consent_goes_with_its_reader ON subscribers_consent;
DROP TRIGGER consent_stays_as_it_was ON subscribers_consent;
DROP FUNCTION subscribers_consent_goes_with_its_reader();
DROP FUNCTION subscribers_consent_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0008_wishes")]

    operations = [migrations.RunSQL(KEEP, LET_GO)]
