-- Leases that ran out.  One that ends further away than any lease lasts was dated by a clock that has stepped back.
UPDATE leases
SET state = 'expired'
WHERE state = 'active'
  AND (lease_until <= lading_now() OR lease_until > lading_now() + make_interval(secs => 2 * %(seconds)s::float8))
