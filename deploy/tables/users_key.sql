-- Deploy skill_messages:tables/users_key to pg
-- requires: tables/host_tables
-- requires: private/host_key_statements
--
-- Not in a transaction: the index is built while the host reads and writes users. Interrupted, it
-- leaves an invalid index, which the next run drops.

CALL skill_messages_private.begin_change();

SELECT skill_messages_private.host_key_statements('users') \gexec
