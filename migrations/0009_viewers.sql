-- Placeholder, filled before it is released.
SELECT 1;
