-- What a live state is once `p_units` are given back to the charge of that mark; NULL where it is not counted any more. The
-- end stays: nothing is counted longer than before.
CREATE OR REPLACE FUNCTION spillway_counts_refunded(p_kind "char", p_ends_at bigint, p_n bigint[], p_algorithm int,
  p_limit bigint, p_window bigint, p_units bigint, p_mark bigint, p_now_ms bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  s bigint[] := p_n;
  slot bigint;
  tail int;
  charged bigint;
  missing bigint;
BEGIN
  IF p_algorithm = 0 AND p_kind = 'f' THEN
    IF p_ends_at = p_mark AND s[1] > 0 THEN
      RETURN ARRAY[s[1] - least(p_units, s[1])];
    END IF;
  ELSIF p_algorithm = 1 AND p_kind = 'w' THEN
    -- Numbers of another grid mean other times.
    IF p_mark <= s[2] AND s[2] - p_mark < 11 AND s[1] = (p_window + 9) / 10 THEN
      slot := 3 + s[2] - p_mark;
      IF (p_mark + 1) * s[1] + p_window - 1 > p_now_ms AND s[slot] > 0 THEN
        s[slot] := s[slot] - least(p_units, s[slot]);
        RETURN s;
      END IF;
    END IF;
  ELSIF p_algorithm = 2 AND p_kind = 'l' THEN
    IF p_mark <= p_now_ms AND p_now_ms < p_mark + p_window THEN
      tail := (cardinality(s) - 1) / 2;
      WHILE tail > 0 AND s[tail * 2] > p_mark LOOP
        tail := tail - 1;
      END LOOP;
      IF tail > 0 AND s[tail * 2] = p_mark THEN
        charged := least(p_units, s[tail * 2 + 1]);
        s[1] := s[1] - charged;
        s[tail * 2 + 1] := s[tail * 2 + 1] - charged;
        IF s[tail * 2 + 1] = 0 THEN
          s := s[1 : tail * 2 - 1] || s[tail * 2 + 2 :];
        END IF;
        RETURN s;
      END IF;
    END IF;
  ELSIF p_algorithm = 3 AND p_kind = 't' THEN
    -- In another window's scale the charge cannot be found again.
    IF p_now_ms < p_mark AND s[3] = p_window AND s[2] <= p_now_ms THEN
      missing := s[1];
      IF p_limit > 0 AND p_now_ms - s[2] >= (missing + p_limit - 1) / p_limit THEN
        missing := 0;
      ELSE
        missing := missing - (p_now_ms - s[2]) * p_limit;
      END IF;
      IF missing > 0 THEN
        missing := greatest(0, missing - least(p_units, (missing + p_window - 1) / p_window) * p_window);
        RETURN ARRAY[missing, p_now_ms, p_window];
      END IF;
    END IF;
  END IF;
  RETURN NULL;
END
$$;
