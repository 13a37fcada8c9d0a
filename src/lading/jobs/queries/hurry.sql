-- A worker that freezes while it holds turns must not hold up its tenants: the server ends its session soon, and
-- nobody waits long for it.  A claim's plan is the same whatever the statistics say: planned once per connection, and
-- never a scan of the whole table, which a row count of yesterday makes look cheap.
SELECT set_config('idle_in_transaction_session_timeout', '1s', true), set_config('lock_timeout', '500ms', true),
       set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('jit', 'off', true)
