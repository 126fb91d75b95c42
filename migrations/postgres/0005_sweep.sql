-- Deletes what has ended, in `p_blocks` blocks of the table from block `p_from` on (-1: anywhere). It reads those blocks and
-- no others, and waits for nobody. Answers how many rows left, where the next sweep goes on, and how many blocks there are.
CREATE OR REPLACE FUNCTION spillway_counts_sweep(p_from bigint, p_blocks int) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
  now_ms CONSTANT bigint := spillway_counts_now();
  blocks CONSTANT bigint := pg_relation_size('spillway_counts'::regclass) / current_setting('block_size')::bigint;
  start bigint := p_from;
  low tid;
  high tid;
  gone bigint;
BEGIN
  IF start < 0 THEN
    start := floor(random() * blocks);
  ELSIF start >= blocks THEN
    start := 0;
  END IF;
  low := format('(%s,0)', start)::tid;
  high := format('(%s,0)', start + p_blocks)::tid;
  WITH ended AS MATERIALIZED (
    SELECT ctid AS place FROM spillway_counts
      WHERE ctid >= low AND ctid < high AND ends_at < now_ms FOR UPDATE SKIP LOCKED
  )
  DELETE FROM spillway_counts WHERE ctid = ANY (ARRAY(SELECT place FROM ended));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN ARRAY[gone, start + p_blocks, blocks];
END
$$;
