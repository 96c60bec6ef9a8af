-- What the whole of the queue's rules needs: holds, slots of their own lengths, warnings, blocks and bans.

ALTER TABLE queue_entries
    ADD COLUMN held boolean NOT NULL DEFAULT false,
    ADD COLUMN slot_override_ns bigint,
    ADD COLUMN extra_time_ns bigint NOT NULL DEFAULT 0,
    ADD COLUMN warned_at integer,
    ADD COLUMN called_until timestamptz;
COMMENT ON COLUMN queue_entries.held IS 'Passed over until an operator releases it.';
COMMENT ON COLUMN queue_entries.slot_override_ns IS 'This slot''s own length, set by an operator; outranks the DJ''s own and the channel''s.';
COMMENT ON COLUMN queue_entries.extra_time_ns IS 'Added to the slot''s length by operators; negative where it was shortened.';
COMMENT ON COLUMN queue_entries.warned_at IS 'The shortest time left, in seconds, that was warned of; NULL before the slot began. So no warning comes twice over a restart.';
COMMENT ON COLUMN queue_entries.called_until IS 'Put on air by an operator while not ready, and waited for until then.';

CREATE TABLE queue_blocks (
    channel text NOT NULL REFERENCES channels (name),
    user_id uuid NOT NULL REFERENCES users (id),
    rule text NOT NULL CHECK (rule IN ('until', 'someoneElsePlayed', 'encoderQuiet')),
    name text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    PRIMARY KEY (channel, user_id, rule),
    CONSTRAINT queue_blocks_until CHECK ((rule = 'until') = (until IS NOT NULL))
);
COMMENT ON TABLE queue_blocks IS 'Keeps a DJ out after a turn that was ended for them, by a rule; one of each rule. Removed when it is lifted.';

-- Bans and slot lengths name a user without a reference: an operator's act must not fail for ever because of an id that nobody has.
CREATE TABLE queue_bans (
    channel text NOT NULL REFERENCES channels (name),
    user_id uuid NOT NULL,
    name text,
    since timestamptz NOT NULL,
    until timestamptz,
    reason text,
    PRIMARY KEY (channel, user_id)
);
COMMENT ON TABLE queue_bans IS 'Keeps a person out of a channel''s queue by an operator''s word. Removed when it is lifted; the audit log keeps the story.';
COMMENT ON COLUMN queue_bans.until IS 'NULL: until unbanned.';

CREATE TABLE queue_user_slots (
    channel text NOT NULL REFERENCES channels (name),
    user_id uuid NOT NULL,
    seconds integer NOT NULL CHECK (seconds BETWEEN 1 AND 86400),
    PRIMARY KEY (channel, user_id)
);
COMMENT ON TABLE queue_user_slots IS 'One DJ''s own slot length in a channel; outranks the channel''s.';
