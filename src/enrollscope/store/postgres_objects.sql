-- What the store needs in PostgreSQL beside the tables of a model: tables of its own, and the functions that the server
-- lacks for OData; SQLite gets functions of the same names in sqlite_functions.py.
--
-- Every migration makes all of them, in this order; a change of one needs a new revision. All are null for null. A NaN
-- becomes null, as in SQLite. What a question provokes comes as SQLSTATE 22003 (out of range) and 22012 (division by
-- zero). An empty line ends a statement.

-- The last position of each tenant in the log of changes. A row is changed by every commit of its tenant: there is room
-- to do so in place.
CREATE TABLE IF NOT EXISTS positions (tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY, last BIGINT NOT NULL)
WITH (fillfactor = 50);

-- When what waits at indexes of strings was last put into them: one row.
CREATE TABLE IF NOT EXISTS upkeep (done TIMESTAMPTZ NOT NULL);

INSERT INTO upkeep SELECT '-infinity' WHERE NOT EXISTS (SELECT FROM upkeep);

-- Puts into the indexes of strings what changes have left waiting at them, which only their owner may do. Null if
-- somebody is at it, or did it less than so many seconds ago. In a Citus cluster the indexes are on other nodes: there
-- each change does it that finds much waiting.
CREATE OR REPLACE FUNCTION store_put_in_waiting(seconds double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE pages bigint := 0; waited_at regclass;
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN RETURN 0; END IF;
  PERFORM FROM upkeep
  WHERE done <= clock_timestamp() - make_interval(secs => seconds) OR done > clock_timestamp() FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  FOR waited_at IN
    SELECT i.oid FROM pg_class AS i JOIN pg_am ON pg_am.oid = i.relam JOIN pg_class AS u ON u.oid = 'upkeep'::regclass
    WHERE pg_am.amname = 'gin' AND i.relkind = 'i' AND i.relnamespace = u.relnamespace AND pg_has_role(i.relowner, 'USAGE')
  LOOP
    pages := pages + gin_clean_pending_list(waited_at);
  END LOOP;
  UPDATE upkeep SET done = clock_timestamp();
  RETURN pages;
END$$;

-- It has the rights of its owner, so no table that a caller makes may stand in front of those it means.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION store_put_in_waiting(double precision) SET search_path = pg_catalog, %I, pg_temp',
    current_schema());
END$$;

-- True if as many rows were written as were to be. If not, others changed them first, and the transaction fails as one
-- that is to be tried again.
CREATE OR REPLACE FUNCTION store_all_written(written bigint, expected bigint) RETURNS boolean LANGUAGE plpgsql
AS $$
BEGIN
  IF written = expected THEN RETURN true; END IF;
  RAISE serialization_failure USING MESSAGE = (expected - written) || ' rows have changed since they were read';
END$$;

CREATE OR REPLACE FUNCTION odata_tolower(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT lower(t COLLATE "und-x-icu")$$;

CREATE OR REPLACE FUNCTION odata_toupper(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT upper(t COLLATE "und-x-icu")$$;

-- What the next two, and odata_tolower, give for a row is kept in index tables: it must never change without those.

-- Those ids that have more than hexadecimal digits and hyphens, as one text. GUIDs would have more trigrams than all else.
CREATE OR REPLACE FUNCTION odata_odd_ids(ids text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
  IF array_to_string(ids, '') !~ '[^-0-9A-Fa-f]' THEN RETURN NULL; END IF;
  RETURN lower(array_to_string(array(SELECT id FROM unnest(ids) AS id WHERE id ~ '[^-0-9A-Fa-f]'), E'\n')
    COLLATE "und-x-icu");
END$$;

-- Of each GUID the characters 1 to 4 and 29 to 32: eight digits in a row contain the former or the latter. A hyphen for
-- whatever else is none of the odd ones.
CREATE OR REPLACE FUNCTION odata_guid_parts(ids text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE id text; found text := '';
BEGIN
  FOREACH id IN ARRAY ids LOOP
    IF id !~ '[^-0-9A-Fa-f]' THEN
      IF id LIKE '________-____-____-____-____________' THEN
        found := found || ' ' || substr(id, 1, 4) || ' ' || substr(id, 29, 4);
      ELSE
        found := found || ' -';
      END IF;
    END IF;
  END LOOP;
  RETURN string_to_array(substr(lower(found COLLATE "C"), 2), ' ');
END$$;

-- What a text in lower case is like that has this one in it. JSON escapes some characters, and what a sigma's lower case is
-- depends on its neighbours, there and here.
CREATE OR REPLACE FUNCTION odata_pattern(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
  RETURN '%' || regexp_replace(
    translate(lower(t COLLATE "und-x-icu"), U&'%_\03C3\03C2', '____'), '[\u0001-\u001F"\\]', '%', 'g') || '%';
END$$;

-- One of these is among the parts of every row that has this text in an id that is not odd; null when there is no such
-- row, none when any row may be one.
CREATE OR REPLACE FUNCTION odata_guid_parts_of(t text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE sought text := lower(t COLLATE "und-x-icu"); run text := substring(sought FROM '[0-9a-f]{8,}');
BEGIN
  IF sought ~ '[^-0-9a-f]' THEN RETURN NULL; END IF;
  IF run IS NULL THEN RETURN '{}'; END IF;
  IF length(sought) > 36 OR length(run) > 12 THEN RETURN ARRAY['-']; END IF;
  IF length(sought) = 36 THEN RETURN ARRAY['-', substr(sought, 1, 4)]; END IF;
  RETURN array(SELECT substr(run, start, 4) FROM generate_series(length(run) - 7, 5) AS start)
    || CASE WHEN length(run) = 8 THEN ARRAY['-', substr(run, 1, 4)] ELSE ARRAY['-'] END;
END$$;

CREATE OR REPLACE FUNCTION odata_substring(t text, s bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE
  WHEN s >= 0 THEN substr(t, least(s, 2147483646)::int + 1)
  WHEN s <= -length(t) THEN t
  ELSE right(t, -s::int)
END$$;

CREATE OR REPLACE FUNCTION odata_substring(t text, s bigint, n bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT left(odata_substring(t, s), greatest(least(n, 2147483647), 0)::int)$$;

CREATE OR REPLACE FUNCTION odata_seconds(ticks bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT trim_scale(ticks * 0.0000001)::text$$;

CREATE OR REPLACE FUNCTION odata_date(ticks bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT to_char(DATE '0001-01-01' + (ticks / 864000000000)::int, 'YYYY-MM-DD')$$;

CREATE OR REPLACE FUNCTION odata_time(ticks bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT to_char(ticks / 36000000000 % 24, 'FM00') || ':' || to_char(ticks / 600000000 % 60, 'FM00')
  || ':' || to_char(ticks / 10000000 % 60, 'FM00') || '.' || to_char(ticks % 10000000, 'FM0000000')$$;

CREATE OR REPLACE FUNCTION odata_integer_add(l bigint, r bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l + r$$;

CREATE OR REPLACE FUNCTION odata_integer_sub(l bigint, r bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l - r$$;

CREATE OR REPLACE FUNCTION odata_integer_mul(l bigint, r bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l * r$$;

CREATE OR REPLACE FUNCTION odata_integer_div(l bigint, r bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l / r$$;

CREATE OR REPLACE FUNCTION odata_integer_mod(l bigint, r bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l % r$$;

CREATE OR REPLACE FUNCTION odata_decimal_add(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif((l::numeric + r::numeric)::text, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_decimal_sub(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif((l::numeric - r::numeric)::text, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_decimal_mul(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif((l::numeric * r::numeric)::text, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_decimal_mod(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif((l::numeric % r::numeric)::text, 'NaN')$$;

-- 50 significant digits. The quotient is made with more places than are kept.
CREATE OR REPLACE FUNCTION odata_decimal_div(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE
  WHEN abs(n) IN (0, 'Infinity') THEN trim_scale(n)::text
  WHEN abs(n) >= 1 THEN trim_scale(round(n, 50 - length(trunc(abs(n))::text)))::text
  ELSE trim_scale(round(n, 50 + length(substr(abs(n)::text, 3)) - length(ltrim(substr(abs(n)::text, 3), '0'))))::text
END FROM (SELECT round(l::numeric, 120) / r::numeric AS n) AS quotient WHERE n <> 'NaN'$$;

CREATE OR REPLACE FUNCTION odata_decimal_divby(l text, r text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE
  WHEN r::numeric <> 0 THEN odata_decimal_div(l, r)
  WHEN l::numeric <> 0 THEN (sign(l::numeric) * 'Infinity'::numeric)::text
END$$;

CREATE OR REPLACE FUNCTION odata_decimal_round(l text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT round(l::numeric)::text$$;

CREATE OR REPLACE FUNCTION odata_decimal_floor(l text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT floor(l::numeric)::text$$;

CREATE OR REPLACE FUNCTION odata_decimal_ceiling(l text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT ceil(l::numeric)::text$$;

-- A cast refuses what is too large or too small for a double; rounded as IEEE 754 says, it is an infinity or zero.
CREATE OR REPLACE FUNCTION odata_double(t text) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE
  WHEN abs(t::numeric) >= 2::numeric ^ 1024 - 2::numeric ^ 970 THEN sign(t::numeric)::float8 * 'Infinity'::float8
  WHEN abs(t::numeric) < 2.4703282292062328e-324 THEN 0
  ELSE t::float8
END$$;

-- The operators refuse what overflows to an infinity or underflows to zero. Whether that would happen is found out with
-- operands scaled by powers of two, which is exact.
CREATE OR REPLACE FUNCTION odata_double_add(l double precision, r double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif(CASE
  WHEN abs(l) < 1 OR abs(r) < 1 THEN l + r
  WHEN abs(l * 0.5::float8 + r * 0.5::float8) >= 2::float8 ^ 1023
    THEN (l * 0.5::float8 + r * 0.5::float8) * 'Infinity'::float8
  ELSE l + r
END, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_double_sub(l double precision, r double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT odata_double_add(l, -r)$$;

CREATE OR REPLACE FUNCTION odata_double_mul(l double precision, r double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif(CASE
  WHEN abs(l) > 1 AND abs(r) > 1 AND abs(l * 2::float8 ^ -512) * abs(r * 2::float8 ^ -512) >= 1
    THEN sign(l) * sign(r) * 'Infinity'::float8
  WHEN abs(l) < 2::float8 ^ -540 AND abs(r) < 2::float8 ^ -540 THEN 0
  WHEN l <> 0 AND r <> 0 AND abs(l) < 1 AND abs(r) < 1
    AND abs(l * 2::float8 ^ 512) * abs(r * 2::float8 ^ 512) <= 2::float8 ^ -51 THEN 0
  ELSE l * r
END, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_double_div(l double precision, r double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT nullif(CASE
  WHEN r = 0 THEN CASE WHEN l = 0 THEN 'NaN'::float8 ELSE sign(l) * 'Infinity'::float8 END
  WHEN abs(l) > 2::float8 ^ 500 AND abs(r) < 2::float8 ^ -560 THEN sign(l) * sign(r) * 'Infinity'::float8
  WHEN abs(l) >= 2::float8 ^ -50 AND abs(r) < 1 AND abs(l * 2::float8 ^ -512) / abs(r * 2::float8 ^ 512) >= 1
    THEN sign(l) * sign(r) * 'Infinity'::float8
  WHEN l <> 0 AND abs(l) < 1 AND abs(r) > 1
    AND abs(l * 2::float8 ^ 512) / abs(r * 2::float8 ^ -512) <= 2::float8 ^ -51 THEN 0
  ELSE l / r
END, 'NaN')$$;

CREATE OR REPLACE FUNCTION odata_double_divby(l double precision, r double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT odata_double_div(l, r)$$;

-- Long division in binary: every step is exact.
CREATE OR REPLACE FUNCTION odata_double_mod(l double precision, r double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE rest double precision := abs(l); step double precision := abs(r);
BEGIN
  IF r = 0 THEN RAISE division_by_zero; END IF;
  IF rest = 'Infinity' THEN RETURN NULL; END IF;
  IF step > rest THEN RETURN l; END IF;
  WHILE step <= rest - step LOOP step := step + step; END LOOP;
  LOOP
    IF rest >= step THEN rest := rest - step; END IF;
    EXIT WHEN step = abs(r);
    step := step / 2;
  END LOOP;
  RETURN CASE WHEN l < 0 THEN -rest ELSE rest END;
END$$;

CREATE OR REPLACE FUNCTION odata_double_floor(l double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT floor(l)$$;

CREATE OR REPLACE FUNCTION odata_double_ceiling(l double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ceil(l)$$;

-- Halves go away from zero; round() takes them to even.
CREATE OR REPLACE FUNCTION odata_double_round(l double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN abs(l - trunc(l)) >= 0.5 THEN trunc(l) + sign(l) ELSE trunc(l) END$$;

-- Values as payloads spell them.
CREATE OR REPLACE FUNCTION odata_text_of_instant(local bigint, east bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT odata_date(local) || 'T' || rtrim(rtrim(odata_time(local), '0'), '.') || CASE
  WHEN east = 0 THEN 'Z'
  ELSE CASE WHEN east < 0 THEN '-' ELSE '+' END || to_char(abs(east) / 60, 'FM00') || ':' || to_char(abs(east) % 60, 'FM00')
END$$;

CREATE OR REPLACE FUNCTION odata_text_of_duration(ticks bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN ticks < 0 THEN '-' ELSE '' END || 'P'
  || CASE WHEN t >= 864000000000 THEN trunc(t / 864000000000)::text || 'D' ELSE '' END
  || CASE WHEN t % 864000000000 = 0 AND t > 0 THEN '' ELSE 'T' END
  || CASE WHEN t % 864000000000 >= 36000000000 THEN trunc(t / 36000000000)::bigint % 24 || 'H' ELSE '' END
  || CASE WHEN t % 36000000000 >= 600000000 THEN trunc(t / 600000000)::bigint % 60 || 'M' ELSE '' END
  || CASE WHEN t % 600000000 > 0 OR t = 0 THEN trim_scale(t % 600000000 / 10000000)::text || 'S' ELSE '' END
FROM (SELECT abs(ticks::numeric)) AS absolute (t)$$;

-- The fewest digits that read as the number. The server's own take one more where they would lie just between two
-- numbers, and read as this one because it is even.
CREATE OR REPLACE FUNCTION odata_text_of_double(n double precision) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE v numeric; exponent int; digits text;
BEGIN
  IF n IN ('Infinity', '-Infinity') THEN RETURN replace(n::text, 'Infinity', 'INF'); END IF;
  IF n = 0 THEN RETURN '0.0'; END IF;
  v := abs(n)::text::numeric;
  FOR attempt IN 1..2 LOOP
    digits := btrim(replace(v::text, '.', ''), '0');
    exponent := CASE
      WHEN v >= 1 THEN length(trunc(v)::text) - 1
      ELSE length(ltrim(substr(v::text, 3), '0')) - length(substr(v::text, 3)) - 1
    END;
    EXIT WHEN attempt = 2 OR length(digits) = 1 OR v NOT BETWEEN 1e-300 AND 1e308
      OR round(v, length(digits) - 2 - exponent)::double precision <> abs(n);
    v := round(v, length(digits) - 2 - exponent);
  END LOOP;
  RETURN CASE WHEN n < 0 THEN '-' ELSE '' END || CASE
    WHEN exponent NOT BETWEEN -4 AND 15 THEN substr(digits, 1, 1)
      || CASE WHEN length(digits) > 1 THEN '.' || substr(digits, 2) ELSE '' END
      || 'e' || CASE WHEN exponent < 0 THEN '-' ELSE '+' END || CASE WHEN abs(exponent) < 10 THEN '0' ELSE '' END
      || abs(exponent)
    WHEN v = trunc(v) THEN trunc(v)::text || '.0'
    ELSE trim_scale(v)::text
  END;
END$$;

CREATE OR REPLACE FUNCTION odata_text_of_binary(b bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT translate(encode(b, 'base64'), E'+/\n', '-_')$$;

-- Values that texts spell, as literals do; null where they spell none.
CREATE OR REPLACE FUNCTION odata_read_boolean(t text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE lower(t COLLATE "C") WHEN 'true' THEN true WHEN 'false' THEN false END$$;

CREATE OR REPLACE FUNCTION odata_read_integer(t text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN t ~ '^[+-]?[0-9]{1,40}$' THEN
  CASE WHEN t::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN t::numeric::bigint END
END$$;

CREATE OR REPLACE FUNCTION odata_read_decimal(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  parts text[] := regexp_match(t, '^([+-]?[0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,6}))?$');
  digits text := ltrim(parts[1] || coalesce(parts[2], ''), '+-0');
BEGIN
  IF parts IS NULL OR length(t) > 100
    OR abs(greatest(length(digits), 1) - 1 - length(coalesce(parts[2], '')) + coalesce(parts[3], '0')::int) > 1000 THEN
    RETURN NULL;
  END IF;
  RETURN t::numeric::text;
END$$;

-- Digits beyond those that can decide how to round are as good as one.
CREATE OR REPLACE FUNCTION odata_read_double(t text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  parts text[] := regexp_match(t, '^([+-]?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,6}))?$');
  digits text := ltrim(parts[2] || coalesce(parts[3], ''), '0');
  exponent int := coalesce(parts[4], '0')::int - length(coalesce(parts[3], ''));
BEGIN
  IF t IN ('INF', '-INF') THEN RETURN replace(t, 'INF', 'Infinity'); END IF;
  IF parts IS NULL OR (digits <> '' AND length(digits) + exponent > 310) THEN RETURN NULL; END IF;
  IF digits = '' OR length(digits) + exponent < -330 THEN RETURN 0; END IF;
  IF length(digits) > 800 THEN
    exponent := exponent + length(digits) - 801;
    digits := left(digits, 800) || CASE WHEN rtrim(substr(digits, 801), '0') = '' THEN '0' ELSE '1' END;
  END IF;
  RETURN nullif(odata_double((digits || 'e' || exponent)::numeric::text), 'Infinity')
    * CASE parts[1] WHEN '-' THEN -1 ELSE 1 END;
END$$;

CREATE OR REPLACE FUNCTION odata_read_guid(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN t ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN lower(t COLLATE "C") END$$;

CREATE OR REPLACE FUNCTION odata_read_date(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN t ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' THEN
  CASE WHEN substr(t, 9)::int <= extract(day FROM make_date(substr(t, 1, 4)::int, substr(t, 6, 2)::int, 1)
    + INTERVAL '1 month - 1 day') THEN t END
END$$;

CREATE OR REPLACE FUNCTION odata_read_time(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN t ~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,12})?)?$' THEN
  rpad(left(t || CASE length(t) WHEN 5 THEN ':00.' WHEN 8 THEN '.' ELSE '' END, 16), 16, '0')
END$$;

CREATE OR REPLACE FUNCTION odata_read_instant(t text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  parts text[] := regexp_match(t, '^(.{10})[Tt]([0-9:.]+)(?:[Zz]|([+-])([0-9]{2}):([0-5][0-9]))?$');
  day text := odata_read_date(parts[1]);
  clock text := odata_read_time(parts[2]);
  east int := coalesce(parts[4]::int * 60 + parts[5]::int, 0) * CASE parts[3] WHEN '-' THEN -1 ELSE 1 END;
BEGIN
  IF day IS NULL OR clock IS NULL OR abs(east) > 840 THEN RETURN NULL; END IF;
  RETURN (day::date - DATE '0001-01-01') * 864000000000 - east * 600000000::bigint
    + (substr(clock, 1, 2)::int * 3600 + substr(clock, 4, 2)::int * 60 + substr(clock, 7, 2)::int) * 10000000::bigint
    + substr(clock, 10)::int;
END$$;

CREATE OR REPLACE FUNCTION odata_read_duration(t text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  parts text[] := regexp_match(t, '^([+-])?[Pp](?:([0-9]{1,12})[Dd])?(?:[Tt](?:([0-9]{1,12})[Hh])?'
    || '(?:([0-9]{1,12})[Mm])?(?:([0-9]{1,12})(?:\.([0-9]+))?[Ss])?)?$');
  total bigint := ((coalesce(parts[2], '0')::bigint * 24 + coalesce(parts[3], '0')::bigint) * 60
    + coalesce(parts[4], '0')::bigint) * 60 + coalesce(parts[5], '0')::bigint;
BEGIN
  IF parts IS NULL OR right(t, 1) IN ('P', 'p', 'T', 't') OR total >= 10675199 * 86400::bigint THEN RETURN NULL; END IF;
  RETURN (total * 10000000 + rpad(left(coalesce(parts[6], '0'), 7), 7, '0')::int)
    * CASE parts[1] WHEN '-' THEN -1 ELSE 1 END;
END$$;

CREATE OR REPLACE FUNCTION odata_read_binary(t text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN t ~ ('^([A-Za-z0-9_-]{4})*'
    || '([A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?|[A-Za-z0-9_-][AQgw](==)?)?$') THEN
  decode(translate(rtrim(t, '='), '-_', '+/') || repeat('=', -length(rtrim(t, '=')) & 3), 'base64')
END$$;

-- Composite values are jsonb. What is absent from an object, null or an empty array there is the same, and left out.
CREATE OR REPLACE FUNCTION odata_plain(j jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE jsonb_typeof(j)
  WHEN 'object' THEN (
    SELECT coalesce(jsonb_object_agg(name, value), '{}')
    FROM (SELECT key, odata_plain(member) FROM jsonb_each(j) AS members (key, member)) AS plain (name, value)
    WHERE value NOT IN ('null', '[]'))
  WHEN 'array' THEN (
    SELECT coalesce(jsonb_agg(odata_plain(item) ORDER BY place), '[]')
    FROM jsonb_array_elements(j) WITH ORDINALITY AS items (item, place))
  ELSE j
END$$;

CREATE OR REPLACE FUNCTION odata_structure(j json, path text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT odata_plain(nullif((j #> path)::jsonb, 'null'))$$;

CREATE OR REPLACE FUNCTION odata_json(n double precision) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE
  WHEN n IN ('Infinity', '-Infinity') THEN to_jsonb(odata_text_of_double(n))
  ELSE odata_text_of_double(n)::jsonb
END$$;

CREATE OR REPLACE FUNCTION odata_json_decimal(n numeric) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE n WHEN 'Infinity' THEN '"INF"' WHEN '-Infinity' THEN '"-INF"' ELSE to_jsonb(n) END$$;

CREATE OR REPLACE FUNCTION odata_json_object(names jsonb, members jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT odata_plain(coalesce(jsonb_object_agg(name, members -> (place - 1)::int), '{}'))
FROM jsonb_array_elements_text(names) WITH ORDINALITY AS named (name, place)$$;

CREATE OR REPLACE FUNCTION odata_same(l jsonb, r jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT l IS NOT DISTINCT FROM r$$;

CREATE OR REPLACE FUNCTION odata_collection_concat(l jsonb, r jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT l || r$$;

CREATE OR REPLACE FUNCTION odata_collection_substring(c jsonb, s bigint, n bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT coalesce(jsonb_agg(item ORDER BY place), '[]')
FROM jsonb_array_elements(c) WITH ORDINALITY AS items (item, place),
  (SELECT CASE WHEN s < 0 THEN greatest(s + jsonb_array_length(c), 0) ELSE s END) AS begun (start)
WHERE place > start AND place - start <= n$$;

CREATE OR REPLACE FUNCTION odata_collection_substring(c jsonb, s bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT odata_collection_substring(c, s, 9223372036854775807)$$;

CREATE OR REPLACE FUNCTION odata_collection_length(c jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT jsonb_array_length(c)::bigint$$;

CREATE OR REPLACE FUNCTION odata_collection_indexof(l jsonb, r jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT coalesce(min(place), -1)::bigint
FROM generate_series(0, jsonb_array_length(l) - jsonb_array_length(r)) AS place
WHERE odata_collection_substring(l, place, jsonb_array_length(r)) = r$$;

CREATE OR REPLACE FUNCTION odata_collection_contains(l jsonb, r jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT odata_collection_indexof(l, r) >= 0$$;

CREATE OR REPLACE FUNCTION odata_collection_startswith(l jsonb, r jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT odata_collection_substring(l, 0, jsonb_array_length(r)) = r$$;

CREATE OR REPLACE FUNCTION odata_collection_endswith(l jsonb, r jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT jsonb_array_length(r) <= jsonb_array_length(l)
  AND odata_collection_substring(l, jsonb_array_length(l) - jsonb_array_length(r)) = r$$;

CREATE OR REPLACE FUNCTION odata_collection_hassubset(l jsonb, r jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT NOT EXISTS (
  SELECT FROM jsonb_array_elements(r) AS wanted (item) GROUP BY item
  HAVING count(*) > (SELECT count(*) FROM jsonb_array_elements(l) AS found (item) WHERE found.item = wanted.item))$$;

CREATE OR REPLACE FUNCTION odata_collection_hassubsequence(l jsonb, r jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE item jsonb; sought int := 0;
BEGIN
  FOR item IN SELECT * FROM jsonb_array_elements(l) LOOP
    IF item = r -> sought THEN sought := sought + 1; END IF;
  END LOOP;
  RETURN sought = jsonb_array_length(r);
END$$;
