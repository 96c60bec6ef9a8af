-- OBS instances that follow the programme.

CREATE TABLE obs_connections (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT obs_connections_name_key UNIQUE,
    host text NOT NULL,
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    sealed bytea,
    channel text NOT NULL REFERENCES channels (name),
    presets json NOT NULL DEFAULT '{}',
    rules json NOT NULL DEFAULT '[]',
    requests_per_second integer NOT NULL CHECK (requests_per_second BETWEEN 1 AND 200),
    enabled boolean NOT NULL DEFAULT true,
    from_environment boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE obs_connections IS 'OBS instances that follow the programme over obs-websocket.';
COMMENT ON COLUMN obs_connections.sealed IS 'The password, encrypted for the purpose obs:ID (invariant I9); none without one.';
COMMENT ON COLUMN obs_connections.presets IS 'Names of scenes and inputs that the usual presets work on.';
COMMENT ON COLUMN obs_connections.rules IS 'What is done on which event: docs/obs.md.';

-- Whoever listens on "lineup" hears that one was made, changed or removed.
CREATE FUNCTION tell_studio_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'studio ' || coalesce(NEW.id, OLD.id)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER obs_connections_changed AFTER INSERT OR UPDATE OR DELETE ON obs_connections
    FOR EACH ROW EXECUTE FUNCTION tell_studio_changed();
