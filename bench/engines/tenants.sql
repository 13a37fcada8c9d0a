-- The tenants of a run, each as the API would make it, without a key.
INSERT INTO tenants (tenant_id, slug, name)
SELECT tenant_id, slug, slug
FROM unnest(%(ids)s::uuid[], %(slugs)s::text[]) AS tenant (tenant_id, slug)
