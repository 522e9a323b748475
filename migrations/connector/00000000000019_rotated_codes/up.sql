-- A change of keys seals the kept answers anew: found across tenants by their hash, opened and sealed as their tenant.
GRANT SELECT (code_hash, tenant) ON redeemed_codes TO connector_system;
GRANT UPDATE (answer_sealed) ON redeemed_codes TO connector_tenant;
