-- Channels, their queues and the outbox of events.

CREATE TABLE channels (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$'),
    settings jsonb,
    queue_version bigint NOT NULL DEFAULT 0,
    queue_fingerprint bytea,
    media_sequence bigint NOT NULL DEFAULT 0,
    discontinuity_sequence bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE channels IS 'One broadcast output each; its queue moves by one version per transaction.';
COMMENT ON COLUMN channels.settings IS 'Queue settings that were set; a field that is absent, or NULL for all, has its default.';
COMMENT ON COLUMN channels.queue_fingerprint IS 'SHA-256 of the transition that made queue_version: tells a repeated write from another writer''s.';
COMMENT ON COLUMN channels.media_sequence IS 'A lower bound for the next start; never goes back (invariant I7).';
INSERT INTO channels (name) VALUES ('main');

CREATE TABLE queue_entries (
    id uuid PRIMARY KEY,
    channel text NOT NULL REFERENCES channels (name),
    user_id uuid NOT NULL REFERENCES users (id),
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'on_air', 'ended')),
    end_reason text,
    grace_until timestamptz,
    position bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    on_air_since timestamptz,
    used_on_air_ns bigint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    CONSTRAINT queue_entries_end CHECK ((state = 'ended') = (end_reason IS NOT NULL))
);
CREATE UNIQUE INDEX queue_entries_one_live_per_user ON queue_entries (channel, user_id) WHERE state <> 'ended';
CREATE UNIQUE INDEX queue_entries_one_on_air ON queue_entries (channel) WHERE state = 'on_air';
CREATE INDEX queue_entries_live ON queue_entries (channel, position) WHERE state <> 'ended';
CREATE INDEX queue_entries_user ON queue_entries (user_id);
COMMENT ON TABLE queue_entries IS 'A DJ''s place in a channel''s queue, from joining to its end. At most one live per user and channel, at most one on air per channel (invariant I1).';
COMMENT ON COLUMN queue_entries.grace_until IS 'Set while the DJ is away and the place is kept; NULL means connected when it was written.';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL REFERENCES channels (name),
    version bigint NOT NULL,
    ordinal integer NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT events_once UNIQUE (channel, version, ordinal)
);
COMMENT ON TABLE events IS 'The outbox: what changed, written with the change. `ordinal` counts the events of one version from 0.';

-- Whoever listens on "lineup" hears that a queue moved when the transaction commits.
CREATE FUNCTION tell_queue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'queue ' || NEW.name);
    RETURN NULL;
END
$$;
CREATE TRIGGER channels_queue_changed AFTER UPDATE OF queue_version ON channels FOR EACH ROW
    WHEN (OLD.queue_version IS DISTINCT FROM NEW.queue_version) EXECUTE FUNCTION tell_queue_changed();
