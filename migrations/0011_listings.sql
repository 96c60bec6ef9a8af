-- The delivery keeps in memory which regions a channel is for, so it must hear of every change, whoever makes it.

-- Whoever listens on "lineup" hears that a channel stands in lists in another way when the transaction commits.
CREATE FUNCTION tell_listing_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lineup', 'listing ' || NEW.name);
    RETURN NULL;
END
$$;
CREATE TRIGGER channels_listing_changed AFTER UPDATE OF listing ON channels FOR EACH ROW
    WHEN (OLD.listing IS DISTINCT FROM NEW.listing) EXECUTE FUNCTION tell_listing_changed();
