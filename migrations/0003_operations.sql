-- Machines' tokens, who did what, who owns a channel, and events that readers can follow.

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    digest bytea NOT NULL CONSTRAINT api_tokens_digest_key UNIQUE CHECK (octet_length(digest) = 32),
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'dj', 'operator', 'admin')),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens with a role. Only the SHA-256 of a 256-bit token is here; revoked ones stay, for the audit log''s sake.';

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'token', 'commandLine', 'server')),
    actor_id text,
    actor_name text NOT NULL,
    action text NOT NULL,
    channel text REFERENCES channels (name),
    subject text,
    before json,
    after json
);
CREATE INDEX audit_log_channel ON audit_log (channel, id DESC);
COMMENT ON TABLE audit_log IS 'Who did what, when, and what it changed; written in the act''s own transaction, never changed afterwards.';
COMMENT ON COLUMN audit_log.actor_id IS 'The user''s or token''s id; no reference, so that the line stands whatever becomes of them.';
COMMENT ON COLUMN audit_log.subject IS 'What it was done to: an entry, a user, a token. Never a secret.';

-- The lease stands in the channel's own row: a write that is conditional on version and epoch then takes one lock, and an
-- owner who comes while an older one writes waits for that write and reads it.
ALTER TABLE channels
    ADD COLUMN owner uuid,
    ADD COLUMN owner_epoch bigint NOT NULL DEFAULT 0 CHECK (owner_epoch >= 0),
    ADD COLUMN owned_until timestamptz;
COMMENT ON COLUMN channels.owner IS 'The instance that took the channel last; NULL before the first.';
COMMENT ON COLUMN channels.owner_epoch IS 'Rises by one with each taking; a write with a lower one is refused (invariant I1).';
COMMENT ON COLUMN channels.owned_until IS 'By the database''s clock, the only one that all owners share. Past it another instance may take the channel.';

ALTER TABLE events
    ADD COLUMN epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN sequence bigint;
UPDATE events SET sequence = numbered.number
    FROM (SELECT id, row_number() OVER (PARTITION BY channel ORDER BY version, ordinal) AS number FROM events) numbered
    WHERE numbered.id = events.id;
ALTER TABLE events
    ALTER COLUMN epoch DROP DEFAULT,
    ALTER COLUMN sequence SET NOT NULL,
    ADD CONSTRAINT events_number UNIQUE (channel, epoch, sequence);
COMMENT ON COLUMN events.epoch IS 'The owner''s, 0 for what was written before there were owners. With `sequence` it is the event''s public number, given by the one owner, so that a reader never misses one that became visible late.';
COMMENT ON COLUMN events.sequence IS 'From 1 within an epoch, without a gap.';

-- An entry that has ended has a moment of its end: the history is ordered by it.
UPDATE queue_entries SET ended_at = coalesce(on_air_since, joined_at) WHERE state = 'ended' AND ended_at IS NULL;
ALTER TABLE queue_entries ADD CONSTRAINT queue_entries_ended_at CHECK (state <> 'ended' OR ended_at IS NOT NULL);
CREATE INDEX queue_entries_history ON queue_entries (channel, ended_at DESC, id DESC) WHERE state = 'ended';
