-- Keys with scopes, and word of every change of a key to all gateways.

ALTER TABLE own.api_keys
    -- admin: both APIs, and of the tenant `default` every tenant. application: the Application API.
    ADD COLUMN scope text NOT NULL DEFAULT 'admin' CHECK (scope IN ('admin', 'application')),
    -- The only user whom an application's key may ask about and act for; none: all users.
    ADD COLUMN user_id text CHECK (user_id IS NULL OR scope = 'application');

-- Until now a key of an application was one that begins like one.
UPDATE own.api_keys SET scope = 'application' WHERE starts_with(prefix, 'app_');

-- A key is found by its hash: the prefix is a name for lists, and no part of a key that was given.
CREATE UNIQUE INDEX api_keys_hash ON own.api_keys (hash);

CREATE FUNCTION own.api_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('xp_api_keys', '');
    RETURN NULL;
END
$$;

-- Not for last_used: what a gateway remembers does not depend on it.
CREATE TRIGGER api_keys_changed
    AFTER INSERT OR DELETE OR UPDATE OF prefix, hash, tenant, scope, user_id, revoked
    ON own.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION own.api_keys_changed();
