-- Whether there is something to ask.
SELECT to_regclass('public.generation') IS NOT NULL AS is_loaded
