REVOKE UPDATE (answer_sealed) ON redeemed_codes FROM connector_tenant;
REVOKE SELECT (code_hash, tenant) ON redeemed_codes FROM connector_system;
