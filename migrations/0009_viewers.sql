-- What was watched of each slot. No viewer is stored anywhere: only how many there were.

ALTER TABLE queue_entries
    ADD COLUMN viewers_peak integer CHECK (viewers_peak >= 0),
    ADD COLUMN viewer_seconds double precision CHECK (viewer_seconds >= 0),
    ADD COLUMN viewers_counted_seconds double precision CHECK (viewers_counted_seconds >= 0);
COMMENT ON COLUMN queue_entries.viewers_peak IS 'The most viewers at once while the entry was on air; NULL when nobody counted.';
COMMENT ON COLUMN queue_entries.viewer_seconds IS 'Seconds watched on air, of all viewers together. Divided by viewers_counted_seconds: the average.';
COMMENT ON COLUMN queue_entries.viewers_counted_seconds IS 'How long the entry was on air while viewers were counted.';

ALTER TABLE channels ADD COLUMN listing jsonb;
COMMENT ON COLUMN channels.listing IS 'How the channel stands in lists for television applications: title, logo, group, number, regions. NULL: by its name alone.';
