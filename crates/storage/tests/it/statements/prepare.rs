//! One statement against a schema: Postgres prepares it, and its parameters and columns are those of the call.

use postrider_domain::Secret;
use postrider_storage::{Spec, columns};
use tokio_postgres::{Client, NoTls};

use super::source::{Call, Source};

/// A connection as a service has it: its own login, its schema, nobody else's.
pub struct Session(Client);

impl Session {
    pub async fn open(url: &Secret, spec: &Spec) -> Self {
        let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "ends with its client")]
        drop(tokio::spawn(connection));
        let (schema, role) = (spec.schema, spec.system_role());
        client.batch_execute(&format!("SET search_path TO {schema}; SET ROLE {role}")).await.unwrap();
        Self(client)
    }

    pub async fn check(&self, source: &Source, call: &Call) -> Result<(), String> {
        let text = source.text(call)?;
        let (expanded, declared) = columns::expand(&text).map_err(|error| error.to_string())?;
        let given = call.columns();
        let binds = call.binds();
        if binds.is_some() || !given.is_empty() {
            let (mut declared, mut given) = (declared.clone(), given.iter().map(String::as_str).collect::<Vec<_>>());
            declared.sort_unstable();
            given.sort_unstable();
            if declared != given {
                return Err(format!("columns {declared:?} are declared, {given:?} are bound"));
            }
        }
        let prepared = self.0.prepare(expanded.as_deref().unwrap_or(&text)).await.map_err(|error| {
            error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
        })?;
        let scalars = prepared.params().len() - declared.len();
        if let Some(binds) = binds
            && binds != scalars
        {
            return Err(format!("{scalars} parameters, {binds} binds"));
        }
        let names: Vec<&str> = prepared.columns().iter().map(tokio_postgres::Column::name).collect();
        let Some(row) = call.row() else { return Ok(()) };
        if row.starts_with("Value<") {
            return if names == ["value"] { Ok(()) } else { Err(format!("no column value, but {names:?}")) };
        }
        let missing =
            source.fields(call, row).unwrap_or_default().iter().find(|field| !names.contains(&field.as_str()));
        missing.map_or(Ok(()), |field| Err(format!("no column {field} for {row}")))
    }
}
