-- Deploy skill_messages:tables/skill_messages to pg
-- requires: tables/host_tables
-- requires: private/new_skill_message_id
--
-- The primary key includes the tenant: no INSERT of one tenant ever meets a row of another, and no
-- tenant can take or block an id of another.
--
-- Run again, this script keeps an existing table, and verify compares it.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

DO $$
BEGIN
    PERFORM skill_messages_private.preflight();
END;
$$;

-- A message is updated twice. fillfactor: with room for it on the same page, an answer writes to no
-- index. (A reading does, whatever the room: it leaves the index of unread messages.) The others:
-- with PostgreSQL's own, a fifth of all messages would be dead before an autovacuum.
CREATE TABLE IF NOT EXISTS public.skill_messages (
    id text DEFAULT skill_messages_private.new_skill_message_id(),
    tenant_id text NOT NULL,
    from_user_id text NOT NULL,
    to_user_id text NOT NULL,
    subject_skill_id text NOT NULL,
    proposed_parent_skill_id text,
    message text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
    read_at timestamptz,
    answered_at timestamptz,

    CONSTRAINT skill_messages_pkey PRIMARY KEY (id, tenant_id),

    CONSTRAINT skill_messages_id_check CHECK (octet_length(id) BETWEEN 1 AND 255),
    CONSTRAINT skill_messages_tenant_id_check CHECK (tenant_id <> ''),
    CONSTRAINT skill_messages_from_user_id_check CHECK (from_user_id <> ''),
    CONSTRAINT skill_messages_to_user_id_check CHECK (to_user_id <> ''),
    -- One character that is to be seen: none of the classes White_Space, Cc, Cf and
    -- Default_Ignorable_Code_Point of Unicode, nor the blank of Braille (U+2800).
    CONSTRAINT skill_messages_message_check
    CHECK (
        char_length(message) <= 10000
        AND message ~ (
            '[^\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891'
            '\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F'
            '\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD'
            '\U000110CD\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A'
            '\U000E0000-\U000E0FFF]'
        )
    ),
    CONSTRAINT skill_messages_status_check CHECK (status IN ('pending', 'accepted', 'declined')),
    -- From 1970 to 9999: what every client's type of time can hold.
    CONSTRAINT skill_messages_created_at_check
    CHECK (
        created_at BETWEEN '1970-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999+00'
    ),
    CONSTRAINT skill_messages_read_at_check
    CHECK (read_at BETWEEN created_at AND '9999-12-31 23:59:59.999+00'),
    CONSTRAINT skill_messages_answered_at_check
    CHECK (
        answered_at IS NULL OR (
            answered_at >= created_at
            AND answered_at <= '9999-12-31 23:59:59.999+00'
            AND status <> 'pending'
        )
    )
) WITH (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

-- No statistics of the texts: they would hold copies of some texts, and EXPLAIN would print those.
ALTER TABLE public.skill_messages ALTER COLUMN message SET STATISTICS 0;

-- The inbox, newest first, ties by id: one ordered scan. "C": the same order whatever the locale.
-- Deleting a user.
CREATE INDEX IF NOT EXISTS skill_messages_to_user_idx
ON public.skill_messages (to_user_id, tenant_id, created_at, id COLLATE "C");

-- The unread badge, counted without visiting the table: all columns that the policies look at. The
-- sender is no key, so that the entries of an inbox stand in the order of the table.
CREATE INDEX IF NOT EXISTS skill_messages_unread_idx
ON public.skill_messages (to_user_id, tenant_id) INCLUDE (from_user_id)
WHERE read_at IS NULL;

-- The sent messages, likewise. Deleting a user.
CREATE INDEX IF NOT EXISTS skill_messages_from_user_idx
ON public.skill_messages (from_user_id, tenant_id, created_at, id COLLATE "C");

-- What concerns a whole tenant: its figures, its retention, deleting it.
CREATE INDEX IF NOT EXISTS skill_messages_tenant_id_idx ON public.skill_messages (tenant_id);

-- Deleting a skill: cascade and set null. tenant_id costs next to nothing here, being the same for
-- all entries of a skill, and keeps the planner from adding the index of a large tenant to the
-- search.
CREATE INDEX IF NOT EXISTS skill_messages_subject_skill_idx
ON public.skill_messages (subject_skill_id, tenant_id);
CREATE INDEX IF NOT EXISTS skill_messages_proposed_parent_skill_idx
ON public.skill_messages (proposed_parent_skill_id, tenant_id)
WHERE proposed_parent_skill_id IS NOT NULL;

-- A user belongs to one tenant: without knowing that, the planner expects next to no rows for the
-- pair and prefers a sort to the ordered scan.
CREATE STATISTICS IF NOT EXISTS public.skill_messages_to_user_stats (DEPENDENCIES, NDISTINCT)
ON tenant_id, to_user_id FROM public.skill_messages;
CREATE STATISTICS IF NOT EXISTS public.skill_messages_from_user_stats (DEPENDENCIES, NDISTINCT)
ON tenant_id, from_user_id FROM public.skill_messages;

-- Until the next changes open it, the table is closed to everybody but its owner, whatever default
-- privileges say, and row-level security without a policy hides the rows from the owner too.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'public.skill_messages'::regclass) THEN
        CALL skill_messages_private.revoke_from_all('public.skill_messages');
    END IF;
END;
$$;

ALTER TABLE public.skill_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.skill_messages FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.skill_messages IS
'Proposals between authors of one tenant: "group your skill under mine". A message starts as pending
and unread. It is read once and answered once.';
COMMENT ON COLUMN public.skill_messages.id IS
'Unique within its tenant, at most 255 bytes. The caller may give it, for a safe retry. The default
is a UUID of version 7 as text.';
COMMENT ON COLUMN public.skill_messages.tenant_id IS
'The tenant of the message, of both users and of both skills.';
COMMENT ON COLUMN public.skill_messages.from_user_id IS 'The author who proposes.';
COMMENT ON COLUMN public.skill_messages.to_user_id IS 'The author who reads and answers.';
COMMENT ON COLUMN public.skill_messages.subject_skill_id IS
'The skill to be grouped. The message is deleted together with it.';
COMMENT ON COLUMN public.skill_messages.proposed_parent_skill_id IS
'The skill to group it under. Null if the sender proposes none, or after that skill was deleted.';
COMMENT ON COLUMN public.skill_messages.message IS
'What the sender writes: at least one visible character, at most 10,000.';
COMMENT ON COLUMN public.skill_messages.status IS
'pending at first; then accepted or declined, once.';
COMMENT ON COLUMN public.skill_messages.created_at IS
'When it was sent: the start of the sending transaction, in whole milliseconds.';
COMMENT ON COLUMN public.skill_messages.read_at IS
'When it was first read, in whole milliseconds; null until then.';
COMMENT ON COLUMN public.skill_messages.answered_at IS
'When it was accepted or declined, in whole milliseconds; null until then. A trigger sets it.';

-- These comments are also the hints of the errors that the functions raise.
COMMENT ON CONSTRAINT skill_messages_id_check ON public.skill_messages IS
'Leave the id out, or give one of 1 to 255 bytes.';
COMMENT ON CONSTRAINT skill_messages_tenant_id_check ON public.skill_messages IS
'The tenant is never the empty string.';
COMMENT ON CONSTRAINT skill_messages_from_user_id_check ON public.skill_messages IS
'A user is never the empty string.';
COMMENT ON CONSTRAINT skill_messages_to_user_id_check ON public.skill_messages IS
'A user is never the empty string.';
COMMENT ON CONSTRAINT skill_messages_message_check ON public.skill_messages IS
'Write at least one visible character and at most 10,000 characters.';
COMMENT ON CONSTRAINT skill_messages_status_check ON public.skill_messages IS
'A status is pending, accepted or declined.';
COMMENT ON CONSTRAINT skill_messages_created_at_check ON public.skill_messages IS
'Give a time from 1970 on.';
COMMENT ON CONSTRAINT skill_messages_read_at_check ON public.skill_messages IS
'Give the time of the first reading, not before it was sent.';
COMMENT ON CONSTRAINT skill_messages_answered_at_check ON public.skill_messages IS
'Leave it out: it is set when the status changes.';

COMMIT;
