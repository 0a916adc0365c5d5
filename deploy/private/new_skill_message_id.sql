-- Deploy skill_messages:private/new_skill_message_id to pg
-- requires: roles
-- requires: private/revoke_from_all
--
-- A UUID of version 7 begins with the time, so that new ids stand side by side in the primary key.
-- With random ones, in a large table, nearly every send writes another page of it to the log whole.
-- PostgreSQL 18 has uuidv7(); this is for all versions alike. In SQL, with its names resolved when
-- it is made: the planner puts the expression in place of the call, which is 4 % of a send.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.new_skill_message_id() RETURNS text
LANGUAGE sql
SECURITY INVOKER
RETURN encode(
    -- Version 4 becomes version 7.
    set_bit(
        set_bit(
            overlay(
                uuid_send(gen_random_uuid()),
                substring(
                    int8send(floor(extract(EPOCH FROM clock_timestamp()) * 1000)::bigint), 3
                ),
                1
            ), 52, 1
        ), 53, 1
    ), 'hex'
)::uuid::text;

COMMENT ON FUNCTION skill_messages_private.new_skill_message_id() IS
'A fresh id for a message: a UUID of version 7 (RFC 9562) as text, 48 bits of time in milliseconds
and 74 random bits.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.new_skill_message_id()');
GRANT EXECUTE ON FUNCTION skill_messages_private.new_skill_message_id()
TO skill_messages_service, skill_messages_app;

COMMIT;
