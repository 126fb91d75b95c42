-- The counts of spillway. Where you run this file by hand, run all of this folder, in order, and change names alike.
-- UNLOGGED: nothing of it goes to the write-ahead log, and a crash of the server forgets all counts. Leave the word out
-- where they have to outlive that.
CREATE UNLOGGED TABLE IF NOT EXISTS spillway_counts (
  key text COLLATE "C" PRIMARY KEY,
  -- f fixed window, w sliding window, l sliding log, t token bucket, b block
  kind "char" NOT NULL,
  -- The last millisecond in which the state means anything, since the epoch. It has no index: with one, each charge would
  -- write to all indexes. The sweep goes by blocks.
  ends_at bigint NOT NULL,
  -- f {units}; w {width, newest, counts of eleven, newest first}; l {units, then moment and units of each, oldest first};
  -- t {missing, moment, window}
  n bigint[] NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
