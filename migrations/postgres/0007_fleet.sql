-- What the processes of a prefix share beside counts. Texts have to outlive a crash: this table is logged.
CREATE TABLE IF NOT EXISTS spillway_counts_texts (
  name text COLLATE "C" PRIMARY KEY,
  version text NOT NULL,
  text text NOT NULL
);
-- Sums of what each process has counted, by hour and by minute.
CREATE UNLOGGED TABLE IF NOT EXISTS spillway_counts_sums (
  name text COLLATE "C",
  field text COLLATE "C",
  amount bigint NOT NULL,
  -- Milliseconds since the epoch, as in spillway_counts; full hours, because each change of it writes to the second index.
  ends_at bigint NOT NULL,
  PRIMARY KEY (name, field),
  -- By which those that have ended are found: a constraint, because it gets a name of its own in each schema and table.
  UNIQUE (ends_at, name, field)
);
