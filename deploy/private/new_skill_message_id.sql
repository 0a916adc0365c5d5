-- Deploy skill_messages:private/new_skill_message_id to pg
-- requires: roles
-- requires: private/revoke_from_all
--
-- A UUID of version 7 begins with the time, so that new ids stand side by side in the primary key.
-- With random ones, in a large table, nearly every send writes another page of it to the log whole.
-- PostgreSQL 18 has uuidv7(); this is for all versions alike.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.new_skill_message_id() RETURNS text
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_milliseconds bigint := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    v_uuid bytea := overlay(
        uuid_send(gen_random_uuid()) PLACING substring(int8send(v_milliseconds) FROM 3) FROM 1
    );
BEGIN
    -- Version 4 becomes version 7.
    RETURN encode(set_bit(set_bit(v_uuid, 52, 1), 53, 1), 'hex')::uuid::text;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.new_skill_message_id() IS
'A fresh id for a message: a UUID of version 7 (RFC 9562) as text, 48 bits of time in milliseconds
and 74 random bits.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.new_skill_message_id()');
GRANT EXECUTE ON FUNCTION skill_messages_private.new_skill_message_id()
TO skill_messages_service, skill_messages_app;

COMMIT;
