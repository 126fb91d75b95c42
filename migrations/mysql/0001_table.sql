-- The counts: a row for each key. Keys are compared byte by byte, whatever the collation of the database.
--   key      of a key above 2,048 bytes its front and a hash: an index of InnoDB takes no longer ones
--   ends_at  milliseconds since the epoch, by the clock of the database: from then on the row means nothing
--   state    a text that the core reads and writes
--   whole    the key, where it is longer
CREATE TABLE IF NOT EXISTS spillway_counts (
  `key` varbinary(2048) NOT NULL,
  ends_at bigint NOT NULL,
  state mediumblob NOT NULL,
  whole varbinary(8192),
  PRIMARY KEY (`key`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
