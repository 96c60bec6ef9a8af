-- Where events go beside the pages: webhooks, Discord, files; and how far each has come.

ALTER TABLE users ADD COLUMN discord_id text CHECK (discord_id ~ '^[0-9]{5,20}$');
COMMENT ON COLUMN users.discord_id IS 'The Discord account that this person linked; only they are ever mentioned there.';

CREATE TABLE targets (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT targets_name_key UNIQUE,
    kind text NOT NULL CHECK (kind IN ('webhook', 'discord', 'file')),
    place text NOT NULL,
    sealed bytea NOT NULL,
    header_names text[] NOT NULL DEFAULT '{}',
    kinds text[] NOT NULL DEFAULT '{}',
    channels text[] NOT NULL DEFAULT '{}',
    batch integer NOT NULL DEFAULT 1 CHECK (batch BETWEEN 1 AND 100),
    discord json NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL DEFAULT true,
    from_environment boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    attempts integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    next_try timestamptz,
    last_error text,
    last_delivered_at timestamptz,
    delivered bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    parked_at timestamptz,
    parked_reason text,
    memory text,
    CONSTRAINT targets_parked CHECK ((parked_at IS NULL) = (parked_reason IS NULL))
);
COMMENT ON TABLE targets IS 'Where events are delivered, and how that goes.';
COMMENT ON COLUMN targets.place IS 'What may be seen of the URL (scheme, host, port), or the file''s name.';
COMMENT ON COLUMN targets.sealed IS 'URL, signing secret and headers, encrypted for the purpose target:ID (invariant I9).';
COMMENT ON COLUMN targets.kinds IS 'Patterns of the kinds it gets; empty for all. So with channels.';
COMMENT ON COLUMN targets.version IS 'Rises with each change by a person and with parking: a report of deliveries that looked at an older one is not written.';
COMMENT ON COLUMN targets.memory IS 'What a Discord target knows of its messages.';

CREATE TABLE target_cursors (
    target uuid NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    channel text NOT NULL REFERENCES channels (name),
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (target, channel)
);
COMMENT ON TABLE target_cursors IS 'The last event of a channel that a target is done with: one row, whatever the number of events. None: it gets all.';

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target uuid NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    channel text NOT NULL REFERENCES channels (name),
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('replay', 'refused')),
    kind text NOT NULL,
    at timestamptz NOT NULL,
    error text,
    CONSTRAINT deliveries_once UNIQUE (target, state, channel, epoch, sequence)
);
COMMENT ON TABLE deliveries IS 'Exceptions only: events to be sent again, and events a target refused for good.';

-- Events that a target has still to get are not removed however old they are. A target that is parked or switched off holds nothing
-- back, and one that does not answer is parked after a while: so this is bounded.
CREATE OR REPLACE VIEW events_in_use AS
    SELECT e.id FROM (
        SELECT DISTINCT ON (ch.name) ch.name, coalesce(c.epoch, 0) AS epoch, coalesce(c.sequence, 0) AS sequence
        FROM targets t CROSS JOIN channels ch
        LEFT JOIN target_cursors c ON c.target = t.id AND c.channel = ch.name
        WHERE t.enabled AND t.parked_at IS NULL
        ORDER BY ch.name, coalesce(c.epoch, 0), coalesce(c.sequence, 0)) slowest
    JOIN events e ON e.channel = slowest.name AND (e.epoch, e.sequence) > (slowest.epoch, slowest.sequence);
COMMENT ON VIEW events_in_use IS 'Ids of events that are not removed yet although they are old.';

-- Whoever listens on "lineup" hears that a target was made, changed, parked or removed, or is to send something again.
CREATE FUNCTION tell_target_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'target ' || coalesce(NEW.id, OLD.id)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER targets_made AFTER INSERT OR DELETE ON targets FOR EACH ROW EXECUTE FUNCTION tell_target_changed();
CREATE TRIGGER targets_changed AFTER UPDATE ON targets FOR EACH ROW
    WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION tell_target_changed();
