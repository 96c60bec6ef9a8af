-- What belongs to an account beyond its log-in: verification, approval, picture, second factor, links by mail, invitations.

ALTER TABLE users
    ADD COLUMN email_verified_at timestamptz,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN reset_requested_at timestamptz,
    ADD COLUMN picture bytea CHECK (octet_length(picture) <= 262144),
    ADD COLUMN picture_version bigint,
    ADD COLUMN totp_sealed bytea,
    ADD COLUMN totp_confirmed_at timestamptz,
    ADD COLUMN totp_last_step bigint,
    ADD COLUMN deleted_at timestamptz,
    ADD CONSTRAINT users_picture CHECK ((picture IS NULL) = (picture_version IS NULL));
-- Who was here before there was an approval had none to wait for.
UPDATE users SET approved_at = created_at;
COMMENT ON COLUMN users.approved_at IS 'NULL: entries of this DJ are held until an operator lets one through.';
COMMENT ON COLUMN users.reset_requested_at IS 'Somebody asked for a reset link while no mail could be sent: for the admins'' list.';
COMMENT ON COLUMN users.picture IS 'A square JPEG made by our own worker, never the bytes that were sent.';
COMMENT ON COLUMN users.totp_sealed IS 'The seed of RFC 6238, encrypted for the purpose "totp:ID" (design §6). In force once totp_confirmed_at is set.';
COMMENT ON COLUMN users.totp_last_step IS 'The last time step a code was taken for: none is taken twice.';
COMMENT ON COLUMN users.deleted_at IS 'The account is gone: nothing personal is left in the row, which stays because the history refers to it.';
COMMENT ON TABLE users IS 'A person with an account. The row of a deleted one stays, emptied, while the history refers to it.';

-- An entry that an operator releases, or puts on air, lets its DJ through for good, whichever process wrote it.
CREATE FUNCTION approve_released_dj() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET approved_at = now() WHERE id = NEW.user_id AND approved_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER queue_entries_released AFTER UPDATE OF held, state ON queue_entries FOR EACH ROW
    WHEN (OLD.held AND NEW.state <> 'ended' AND (NOT NEW.held OR NEW.state = 'on_air'))
    EXECUTE FUNCTION approve_released_dj();

ALTER TABLE sessions
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT sessions_id_key UNIQUE,
    ADD COLUMN address text,
    ADD COLUMN agent text;
COMMENT ON COLUMN sessions.id IS 'Names the session on its owner''s page; opens nothing.';
COMMENT ON COLUMN sessions.agent IS 'The browser as it named itself at log-in, cut to 200 characters.';

CREATE TABLE account_links (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('reset', 'verify')),
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX account_links_user ON account_links (user_id, kind);
COMMENT ON TABLE account_links IS 'Links for a password reset or an address to verify, by the SHA-256 of their 256-bit token. A link is taken out when it is used, replaced or expired.';
COMMENT ON COLUMN account_links.email IS 'The address it was sent to; for "verify" the one that becomes the account''s.';

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    digest bytea NOT NULL CONSTRAINT invitations_digest_key UNIQUE CHECK (octet_length(digest) = 32),
    note text NOT NULL,
    uses_left integer NOT NULL CHECK (uses_left >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE invitations IS 'Links that let somebody sign up where sign-up is by invitation, by the SHA-256 of their token.';
