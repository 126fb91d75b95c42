-- Takes a charge of one fixed window, as most are, in two statements where the key is there and has room; whatever else it is,
-- spillway_counts_v1 takes it. The row is locked in between: nobody comes between the two.
--   p_call units, limit, window (ms), ms until nobody waits for it
-- Answers as spillway_counts_v1 does. The settings: as there.
CREATE OR REPLACE FUNCTION spillway_counts_plain_v1(p_key text, p_call bigint[]) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
  now_ms bigint;
  state "char";
  ends bigint;
  total bigint;
BEGIN
  PERFORM set_config('lock_timeout', least(greatest(p_call[4], 1), 2147483647)::text, true);
  SELECT t.kind, t.ends_at, t.n[1] INTO state, ends, total FROM spillway_counts t WHERE t.key = p_key FOR NO KEY UPDATE;
  IF FOUND THEN
    now_ms := spillway_counts_now();
    IF ends < now_ms THEN
      state := 'f';
      ends := now_ms + greatest(p_call[3] - 1, 1);
      total := 0;
    END IF;
    total := total + p_call[1];
    IF state = 'f' AND total <= p_call[2] AND ends - now_ms <= greatest(p_call[3] - 1, 1)
      AND date_part('epoch', clock_timestamp() - statement_timestamp()) * 1000 < p_call[4]
    THEN
      UPDATE spillway_counts t SET kind = 'f', ends_at = ends, n = ARRAY[total] WHERE t.key = p_key;
      RETURN ARRAY[1, p_call[2] - total, ends - now_ms + 1, 0, total, ends, 0];
    END IF;
  END IF;
  RETURN spillway_counts_v1(ARRAY[p_key], 1, ARRAY[1, p_call[1], 1, p_call[4]],
    ARRAY[1, 0, p_call[2], p_call[3], p_call[2], 0, 0]);
END
$$;
