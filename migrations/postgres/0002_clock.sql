-- The one clock: milliseconds since the epoch.
CREATE OR REPLACE FUNCTION spillway_counts_now() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
AS $$ SELECT floor(date_part('epoch', clock_timestamp()) * 1000)::bigint $$;
