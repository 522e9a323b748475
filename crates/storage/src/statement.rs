//! One way to write SQL: text with typed binds, prepared once for each connection and cached there.
//!
//! diesel never caches `sql_query`, updates and upserts; a statement prepared anew costs two more round trips and a
//! plan, 2.5 × the time of a cached one, as measured. This wrapper says "safe to cache" for texts that do not vary.
//!
//! Statements take the transaction by shared reference: those that do not depend on each other may be awaited together
//! (`try_join!`) and then share a round trip. Their order is not fixed.

use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, BoxedSqlQuery, Query, QueryFragment, QueryId, SqlQuery};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Error;

/// A statement whose text is fixed. For texts put together at run time from a few fixed pieces (list filters) use
/// [`Statement::dynamic`], which is not cached.
pub fn sql<'a>(text: &'static str) -> Statement<'a> {
    Statement { query: diesel::sql_query(text).into_boxed(), cache: true }
}

/// A statement with its binds. `$1` is the first bind.
#[must_use = "a statement does nothing until it is executed or loaded"]
pub struct Statement<'a> {
    query: BoxedSqlQuery<'a, Pg, SqlQuery>,
    cache: bool,
}

impl<'a> Statement<'a> {
    /// A statement whose text was put together at run time. Values still go in as binds, never as text.
    pub fn dynamic(text: String) -> Self {
        Self { query: diesel::sql_query(text).into_boxed(), cache: false }
    }

    /// Binds the next parameter as the given SQL type.
    pub fn bind<T, V>(mut self, value: V) -> Self
    where
        Pg: HasSqlType<T>,
        V: ToSql<T, Pg> + Send + 'a,
        T: Send + 'a,
    {
        self.query = self.query.bind::<T, V>(value);
        self
    }

    /// Runs it; answers the number of rows it touched.
    pub async fn execute(self, mut conn: &AsyncPgConnection) -> Result<usize, Error> {
        Ok(RunQueryDsl::execute(Cached::from(self), &mut conn).await?)
    }

    /// Loads all rows, columns matched by name.
    pub async fn load<R>(self, mut conn: &AsyncPgConnection) -> Result<Vec<R>, Error>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        Ok(RunQueryDsl::load::<R>(Cached::from(self), &mut conn).await?)
    }

    /// Loads one row; [`Error::NotFound`] without one.
    pub async fn get_result<R>(self, conn: &AsyncPgConnection) -> Result<R, Error>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        self.optional(conn).await?.ok_or(Error::NotFound)
    }

    /// Loads one row, or nothing.
    pub async fn optional<R>(self, conn: &AsyncPgConnection) -> Result<Option<R>, Error>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        Ok(self.load(conn).await?.into_iter().next())
    }
}

/// diesel's raw query, but allowed into the statement cache (keyed by its text).
struct Cached<'a>(Statement<'a>);

impl<'a> From<Statement<'a>> for Cached<'a> {
    fn from(statement: Statement<'a>) -> Self {
        Self(statement)
    }
}

impl QueryFragment<Pg> for Cached<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(self.0.cache)
    }
}

impl QueryId for Cached<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Cached<'_> {
    type SqlType = Untyped;
}
