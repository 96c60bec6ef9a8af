-- Events and lines of the audit log are kept for a while only, and found by their age.

CREATE INDEX events_at ON events (at);
CREATE INDEX audit_log_at ON audit_log (at);

-- A later migration replaces this view, with the same column, where something of its own still needs events: what it names is
-- kept however old it is.
CREATE VIEW events_in_use AS SELECT NULL::bigint AS id WHERE false;
COMMENT ON VIEW events_in_use IS 'Ids of events that are not removed yet although they are old.';
