#!/bin/sh
# A role for each service, which owns nothing but the schema that the service makes. Run once, by the image, in an empty database.
set -eu

role() {
  psql -v ON_ERROR_STOP=1 -v role="$1" -v password="$2" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
create role :"role" login nosuperuser nocreatedb ${3:-nocreaterole} password :'password';
grant connect, create, temporary on database "$POSTGRES_DB" to :"role";
SQL
}

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c "revoke all on database \"$POSTGRES_DB\" from public"
role sallyport_policy_decision "$DATABASE_PASSWORD_POLICY_DECISION"
role sallyport_masking "$DATABASE_PASSWORD_MASKING"
role sallyport_approval "$DATABASE_PASSWORD_APPROVAL"
role sallyport_api "$DATABASE_PASSWORD_API"
# The store makes a role that may add events and not change them, and acts as it.
role sallyport_audit_store "$DATABASE_PASSWORD_AUDIT_STORE" createrole
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c "alter role sallyport_audit_store set createrole_self_grant = 'set, inherit'"
