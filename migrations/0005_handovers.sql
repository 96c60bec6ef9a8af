-- What each change of the programme's source cost.

CREATE TABLE handovers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL REFERENCES channels (name),
    from_entry uuid,
    from_user uuid,
    from_name text,
    to_entry uuid,
    to_user uuid,
    to_name text,
    reason text NOT NULL,
    cause text,
    decided_at timestamptz NOT NULL,
    on_air_at timestamptz NOT NULL,
    video_gap_frames double precision NOT NULL,
    audio_gap_ms double precision NOT NULL,
    sound_offset_ms double precision NOT NULL,
    CONSTRAINT handovers_from CHECK ((from_entry IS NULL) = (from_name IS NULL) AND (from_user IS NULL) = (from_name IS NULL)),
    CONSTRAINT handovers_to CHECK ((to_entry IS NULL) = (to_name IS NULL) AND (to_user IS NULL) = (to_name IS NULL))
);
CREATE INDEX handovers_channel ON handovers (channel, id DESC);
COMMENT ON TABLE handovers IS 'A record of every hand-over, written with the queue''s moves; the newest 100,000 of a channel are kept.';
COMMENT ON COLUMN handovers.from_entry IS 'NULL for the slate. Without references: the record stands whatever becomes of entry and user.';
COMMENT ON COLUMN handovers.reason IS 'The programme''s: what made it leave the old source.';
COMMENT ON COLUMN handovers.cause IS 'The queue''s: what ended or interrupted the old slot; NULL where it had no part.';
COMMENT ON COLUMN handovers.video_gap_frames IS 'Pictures missing in between; negative: they overlap.';
COMMENT ON COLUMN handovers.audio_gap_ms IS 'Between the last frame of the old sound and the first of the new; negative: they overlap.';
COMMENT ON COLUMN handovers.sound_offset_ms IS 'How much later the new sound is, against its picture, than the publisher sent it.';
