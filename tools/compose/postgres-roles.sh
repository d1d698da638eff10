# Run by the image of Postgres when it makes its database: the roles of docs/security.md.
psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="${POSTGRES_USER:-postgres}" --dbname=xpledger \
    --set=owner="$OWNER_PASSWORD" --set=serving="$SERVING_PASSWORD" --set=reading="$READING_PASSWORD" <<'SQL'
CREATE ROLE xp_owner LOGIN PASSWORD :'owner';
CREATE ROLE xp_serving LOGIN PASSWORD :'serving';
CREATE ROLE xp_reading LOGIN PASSWORD :'reading';
ALTER DATABASE xpledger OWNER TO xp_owner;
REVOKE ALL ON DATABASE xpledger, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE xpledger TO xp_serving, xp_reading;
SQL
