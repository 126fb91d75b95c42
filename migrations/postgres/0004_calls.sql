-- Takes a batch of calls in one statement: locks its keys, reads the clock once they are held, decides the calls in
-- their order, each all or nothing over its items, and writes what has changed.
--   p_keys   distinct; those in front are locked, the others only looked at
--   p_locked how many are locked
--   p_calls  of each call: mode (0 peek, 1 charge, 2 force, 3 refund, 4 block, 5 reset), units (of a block: ms), items,
--            ms until nobody waits for it
--   p_items  of each item: key (1 the first), algorithm (0 fixed window, 1 sliding window, 2 sliding log, 3 token bucket),
--            limit, window (ms), burst, shadow, mark
-- Answers for each item: allowed (of a refund or a reset: whether there was something; -1: too late, nothing was done),
-- remaining, reset (ms), retry (ms, -1 never), used, mark, blocked.
-- The algorithms are those of src/domain/algorithms, whose comments have the reasons; Counter and Decide around them too.
-- The settings: a plan is kept while the table grows, so it has to be the one for a large table.
CREATE OR REPLACE FUNCTION spillway_counts_v1(p_keys text[], p_locked int, p_calls bigint[], p_items bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
  most CONSTANT bigint := 9007199254740991;
  most_counted CONSTANT bigint := 9007199254740992 - 4294967296;
  most_logged CONSTANT bigint := 10000;
  now_ms bigint;
  passed_ms bigint;
  wait_ms bigint := 1;
  held spillway_counts[];
  r spillway_counts;
  dirty boolean[] := array_fill(false, ARRAY[cardinality(p_keys)]);
  result bigint[] := array_fill(0::bigint, ARRAY[cardinality(p_items)]);
  mode int; units bigint; size int; first_item int := 0; at int;
  key_no int; algorithm int; lim bigint; win bigint; burst bigint; shadow boolean; mark bigint;
  admitted boolean; fits boolean; live boolean; blocked boolean; cut boolean; did boolean;
  capacity bigint; room bigint; reset bigint; retry bigint; charged bigint; missing bigint;
  s bigint[]; moved bigint[];
  ends bigint; width bigint; newest bigint; slots int; slot bigint;
  head int; tail int; total bigint; excess bigint;
BEGIN
  FOR c IN 0 .. cardinality(p_calls) / 4 - 1 LOOP
    wait_ms := greatest(wait_ms, p_calls[c * 4 + 4]);
  END LOOP;
  IF p_locked > 0 THEN
    PERFORM set_config('lock_timeout', least(wait_ms, 2147483647)::text, true);
    -- A key alone is asked in fewer steps, as most are while little is under way.
    IF p_locked = 1 THEN
      INSERT INTO spillway_counts AS t (key, kind, ends_at, n) VALUES (p_keys[1], '-', -1, '{}')
        ON CONFLICT (key) DO UPDATE SET ends_at = t.ends_at WHERE false;
    ELSE
      -- One key after the other, in one order for everybody: what is there is locked, what is not is made. So no two
      -- batches wait for each other.
      INSERT INTO spillway_counts AS t (key, kind, ends_at, n)
        SELECT k, '-', -1, '{}' FROM unnest(p_keys[1:p_locked]) k ORDER BY k COLLATE "C"
        ON CONFLICT (key) DO UPDATE SET ends_at = t.ends_at WHERE false;
    END IF;
  END IF;
  now_ms := spillway_counts_now();
  passed_ms := date_part('epoch', clock_timestamp() - statement_timestamp()) * 1000;
  IF cardinality(p_keys) = 1 THEN
    SELECT t.* INTO r FROM spillway_counts t WHERE t.key = p_keys[1];
    held := ARRAY[r];
  ELSE
    SELECT array_agg(t ORDER BY k.no) INTO held
      FROM unnest(p_keys) WITH ORDINALITY k (key, no) LEFT JOIN spillway_counts t ON t.key = k.key;
  END IF;

  FOR c IN 0 .. cardinality(p_calls) / 4 - 1 LOOP
    mode := p_calls[c * 4 + 1];
    units := p_calls[c * 4 + 2];
    size := p_calls[c * 4 + 3];
    IF mode > 0 AND passed_ms >= p_calls[c * 4 + 4] THEN
      FOR i IN first_item .. first_item + size - 1 LOOP
        result[i * 7 + 1] := -1;
      END LOOP;
      first_item := first_item + size;
      CONTINUE;
    END IF;
    admitted := true;
    -- A charge of several items looks at all of them first.
    FOR pass IN CASE WHEN mode = 1 AND size > 1 THEN 1 ELSE 2 END .. 2 LOOP
      FOR i IN first_item .. first_item + size - 1 LOOP
        at := i * 7;
        key_no := p_items[at + 1];
        algorithm := p_items[at + 2];
        lim := p_items[at + 3];
        win := p_items[at + 4];
        burst := p_items[at + 5];
        shadow := p_items[at + 6] = 1;
        r := held[key_no];
        live := coalesce(r.ends_at >= now_ms, false);
        blocked := live AND r.kind = 'b';

        IF mode >= 3 THEN
          did := false;
          mark := p_items[at + 7];
          IF mode = 4 THEN
            r.kind := 'b';
            r.ends_at := least(now_ms + greatest(units - 1, 1), most);
            r.n := '{}';
            did := true;
          ELSIF mode = 5 THEN
            did := live;
            r.kind := '-';
            r.ends_at := -1;
            r.n := '{}';
            dirty[key_no] := true;
          ELSIF live THEN
            moved := spillway_counts_refunded(r.kind, r.ends_at, r.n, algorithm, lim, win, units, mark, now_ms);
            did := moved IS NOT NULL;
            r.n := coalesce(moved, r.n);
          END IF;
          IF did OR mode = 5 THEN
            held[key_no] := r;
            dirty[key_no] := true;
          END IF;
          result[at + 1] := did::int;
          CONTINUE;
        END IF;

        -- What counts at this moment.
        capacity := CASE WHEN algorithm = 3 THEN burst ELSE lim END;
        cut := false;
        IF blocked THEN
          room := 0;
          reset := r.ends_at - now_ms + 1;
          mark := 0;
        ELSIF algorithm = 0 THEN
          ends := now_ms + greatest(win - 1, 1);
          total := 0;
          IF live AND r.kind = 'f' THEN
            total := r.n[1];
            cut := r.ends_at > ends;
            ends := least(ends, r.ends_at);
          END IF;
          room := lim - total;
          reset := ends - now_ms + 1;
          mark := ends;
        ELSIF algorithm = 1 THEN
          width := (win + 9) / 10;
          newest := now_ms / width;
          -- Integers are divided towards zero, and a clock near the epoch is below a window.
          slots := newest + 1 - CASE WHEN now_ms - win + 1 >= 0 THEN (now_ms - win + 1) / width
                                     ELSE -((width - 2 - now_ms + win) / width) END;
          s := CASE WHEN live AND r.kind = 'w' THEN r.n ELSE ARRAY[width, newest, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] END;
          IF s[1] <> width OR s[2] <> newest THEN
            moved := ARRAY[width, newest, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            IF s[2] <= now_ms / s[1] THEN
              FOR j IN 0 .. 10 LOOP
                IF s[3 + j] > 0 THEN
                  slot := newest - least((s[2] - j + 1) * s[1] - 1, now_ms) / width;
                  IF slot < 11 THEN
                    moved[3 + slot] := moved[3 + slot] + s[3 + j];
                  END IF;
                END IF;
              END LOOP;
            END IF;
            s := moved;
          END IF;
          total := 0;
          reset := 0;
          FOR j IN 0 .. 10 LOOP
            IF s[3 + j] > 0 THEN
              IF j >= slots THEN
                s[3 + j] := 0;
              ELSE
                IF total = 0 THEN
                  reset := (newest - j + 1) * width + win - 1 - now_ms;
                END IF;
                total := total + s[3 + j];
              END IF;
            END IF;
          END LOOP;
          room := lim - total;
          mark := newest;
        ELSIF algorithm = 2 THEN
          s := CASE WHEN live AND r.kind = 'l' THEN r.n ELSE ARRAY[0]::bigint[] END;
          total := s[1];
          head := 1;
          tail := (cardinality(s) - 1) / 2;
          WHILE tail > 0 AND s[tail * 2] > now_ms LOOP
            total := total - s[tail * 2 + 1];
            tail := tail - 1;
          END LOOP;
          WHILE head <= tail AND now_ms >= s[head * 2] + win LOOP
            total := total - s[head * 2 + 1];
            head := head + 1;
          END LOOP;
          room := lim - total;
          reset := CASE WHEN head > tail THEN 0 ELSE s[tail * 2] + win - now_ms END;
          mark := now_ms;
        ELSE
          missing := 0;
          IF live AND r.kind = 't' AND r.n[2] <= now_ms THEN
            s := r.n;
            missing := s[1];
            IF s[3] <> win THEN
              IF missing / s[3] >= most / win THEN
                missing := most / win * win;
              ELSE
                missing := missing / s[3] * win
                  + ceil((missing % s[3])::float8 * win::float8 / s[3]::float8)::bigint;
              END IF;
            END IF;
            IF lim > 0 AND now_ms - s[2] >= (missing + lim - 1) / lim THEN
              missing := 0;
            ELSE
              missing := missing - (now_ms - s[2]) * lim;
            END IF;
          END IF;
          room := burst * win - missing;
          room := room / win - CASE WHEN room % win < 0 THEN 1 ELSE 0 END;
          reset := CASE WHEN lim > 0 THEN (missing + lim - 1) / lim ELSE win END;
          mark := now_ms + reset;
        END IF;

        fits := NOT blocked AND units <= room;
        IF pass = 1 OR size = 1 THEN
          admitted := admitted AND (fits OR shadow);
        END IF;
        CONTINUE WHEN pass = 1;

        IF NOT blocked AND (mode = 2 OR (mode = 1 AND admitted AND fits)) THEN
          IF algorithm = 0 THEN
            charged := greatest(0, least(units, greatest(most_counted, lim) - total));
            r.kind := 'f';
            r.ends_at := ends;
            r.n := ARRAY[total + charged];
            room := room - charged;
            dirty[key_no] := true;
          ELSIF algorithm = 1 THEN
            charged := least(units, most - total);
            IF charged > 0 THEN
              s[3] := s[3] + charged;
              room := room - charged;
              reset := (newest + 1) * width + win - 1 - now_ms;
              r.kind := 'w';
              r.ends_at := least(now_ms + reset + 1, most);
              r.n := s;
              dirty[key_no] := true;
            END IF;
          ELSIF algorithm = 2 THEN
            charged := least(units, most_logged);
            WHILE total + charged > most_logged LOOP
              excess := least(total + charged - most_logged, s[head * 2 + 1]);
              total := total - excess;
              IF excess = s[head * 2 + 1] THEN
                head := head + 1;
              ELSE
                s[head * 2 + 1] := s[head * 2 + 1] - excess;
              END IF;
            END LOOP;
            total := total + charged;
            IF head <= tail AND s[tail * 2] = now_ms THEN
              s[tail * 2 + 1] := s[tail * 2 + 1] + charged;
              s := total || s[head * 2 : tail * 2 + 1];
            ELSE
              s := total || s[head * 2 : tail * 2 + 1] || ARRAY[now_ms, charged];
            END IF;
            head := 1;
            tail := (cardinality(s) - 1) / 2;
            room := lim - total;
            reset := win;
            r.kind := 'l';
            r.ends_at := least(now_ms + win + 1, most);
            r.n := s;
            dirty[key_no] := true;
          ELSE
            charged := least(units, (most - missing) / win);
            IF charged > 0 THEN
              missing := missing + charged * win;
              room := room - charged;
              reset := CASE WHEN lim > 0 THEN (missing + lim - 1) / lim ELSE win END;
              mark := now_ms + reset;
              r.kind := 't';
              r.ends_at := least(now_ms + reset + 1, most);
              r.n := ARRAY[missing, now_ms, win];
              dirty[key_no] := true;
            END IF;
          END IF;
          held[key_no] := r;
        ELSIF cut AND mode <> 0 THEN
          r.ends_at := ends;
          held[key_no] := r;
          dirty[key_no] := true;
        END IF;

        retry := 0;
        IF NOT fits THEN
          IF blocked THEN
            retry := reset;
          ELSIF units > capacity THEN
            retry := -1;
          ELSIF algorithm = 0 THEN
            retry := reset;
          ELSIF algorithm = 1 THEN
            excess := units - room;
            slots := 10;
            WHILE slots > 0 AND excess > s[3 + slots] LOOP
              excess := excess - s[3 + slots];
              slots := slots - 1;
            END LOOP;
            retry := (newest - slots + 1) * width + win - 1 - now_ms;
          ELSIF algorithm = 2 THEN
            excess := units - room;
            WHILE head < tail AND excess > s[head * 2 + 1] LOOP
              excess := excess - s[head * 2 + 1];
              head := head + 1;
            END LOOP;
            retry := s[head * 2] + win - now_ms;
          ELSE
            retry := CASE WHEN lim = 0 THEN -1 ELSE (missing + (units - burst) * win + lim - 1) / lim END;
          END IF;
        END IF;
        result[at + 1] := fits::int;
        result[at + 2] := least(greatest(room, 0), capacity);
        result[at + 3] := reset;
        result[at + 4] := retry;
        result[at + 5] := capacity - room;
        result[at + 6] := mark;
        result[at + 7] := blocked::int;
      END LOOP;
    END LOOP;
    first_item := first_item + size;
  END LOOP;

  IF p_locked = 1 THEN
    r := held[1];
    IF r.kind = '-' THEN
      DELETE FROM spillway_counts t WHERE t.key = r.key;
    ELSIF dirty[1] THEN
      UPDATE spillway_counts t SET kind = r.kind, ends_at = r.ends_at, n = r.n WHERE t.key = r.key;
    END IF;
  ELSIF p_locked > 1 THEN
    UPDATE spillway_counts t SET kind = h.kind, ends_at = h.ends_at, n = h.n
      FROM unnest(held[1:p_locked], dirty[1:p_locked]) h (key, kind, ends_at, n, dirty)
      WHERE h.dirty AND h.kind <> '-' AND t.key = h.key;
    -- Most batches leave nothing empty.
    IF EXISTS (SELECT FROM unnest(held[1:p_locked]) h WHERE h.kind = '-') THEN
      DELETE FROM spillway_counts WHERE key = ANY (ARRAY(SELECT h.key FROM unnest(held[1:p_locked]) h WHERE h.kind = '-'));
    END IF;
  END IF;
  RETURN result;
END
$$;
