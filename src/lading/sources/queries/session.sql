-- Fix what else would change the text of a value or the order of rows, for this transaction only.
SELECT
    set_config('statement_timeout', %(timeout_milliseconds)s::text, true),
    set_config('lock_timeout', %(timeout_milliseconds)s::text, true),
    set_config('synchronize_seqscans', 'off', true),
    set_config('timezone', 'UTC', true),
    set_config('datestyle', 'ISO, YMD', true),
    set_config('intervalstyle', 'iso_8601', true),
    set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true)
