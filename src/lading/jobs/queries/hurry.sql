-- A worker that freezes while it holds turns must not hold up its tenants: the server ends its session soon, and
-- nobody waits long for it.
SELECT set_config('idle_in_transaction_session_timeout', '1s', true), set_config('lock_timeout', '500ms', true)
