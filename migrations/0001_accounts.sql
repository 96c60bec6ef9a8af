-- People, their stream keys and their web sessions.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT users_email_key UNIQUE,
    name text NOT NULL,
    name_key text NOT NULL CONSTRAINT users_name_key UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'dj', 'operator', 'admin')),
    time_zone text,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);
COMMENT ON TABLE users IS 'A person with an account. Never deleted while a queue entry names it: disabled instead.';
COMMENT ON COLUMN users.email IS 'Lower-cased and trimmed by the server.';
COMMENT ON COLUMN users.name_key IS 'The DJ name, composed and lower-cased by the server, so that uniqueness does not depend on the locale.';
COMMENT ON COLUMN users.password_hash IS 'Argon2id, encoded with its parameters and salt.';

CREATE TABLE stream_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest bytea NOT NULL CONSTRAINT stream_keys_digest_key UNIQUE CHECK (octet_length(digest) = 32),
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX stream_keys_user ON stream_keys (user_id);
CREATE INDEX stream_keys_revoked ON stream_keys (revoked_at) WHERE revoked_at IS NOT NULL;
COMMENT ON TABLE stream_keys IS 'What a DJ publishes with. Only the SHA-256 of a 160-bit key is here; revoked keys stay, so that their owner can be told.';

CREATE TABLE sessions (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'Web sessions by the SHA-256 of their cookie; removed when they end or expire.';

-- Whoever listens on "lineup" hears of a revoked key and a disabled account when the transaction commits, whichever
-- process wrote it (invariant I10).
CREATE FUNCTION tell_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'key ' || NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER stream_keys_revoked AFTER UPDATE OF revoked_at ON stream_keys FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION tell_key_revoked();

CREATE FUNCTION tell_user_disabled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'user ' || NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER users_disabled AFTER UPDATE OF disabled_at ON users FOR EACH ROW
    WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION tell_user_disabled();
