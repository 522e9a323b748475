//! One way to write SQL: text with typed binds, prepared once for each connection and cached there.
//!
//! diesel never caches `sql_query`, updates and upserts; a statement prepared anew costs two more round trips and a
//! plan, 2.5 × the time of a cached one, as measured. This wrapper says "safe to cache" for texts that do not vary.
//!
//! The SQL type of a value follows from its Rust type ([`Column`]). Rows go in by named columns: the text declares them
//! where it reads them, and each column is bound by its name, in any order:
//!
//! ```text
//! sql("INSERT INTO labels (id, name) SELECT id, name FROM {new: id uuid, name text} WHERE owner = $1")
//!     .bind(owner)
//!     .column("id", labels.iter().map(|label| label.id))
//!     .column("name", labels.iter().map(|label| label.name.as_str()))
//! ```
//!
//! Statements take the transaction by shared reference: those that do not depend on each other may be awaited together
//! (`try_join!`) and then share a round trip. Their order is not fixed.

use std::borrow::Cow;

use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, BoxedSqlQuery, Query, QueryFragment, QueryId, SqlQuery};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, HasSqlType, SqlType, Untyped};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use postrider_domain::sql::Column;

use crate::columns;
use crate::error::Error;

/// A statement whose text is fixed. For texts put together at run time from a few fixed pieces (list filters) use
/// [`Statement::dynamic`], which is not cached.
pub fn sql<'a>(text: &'static str) -> Statement<'a> {
    Statement::new(Cow::Borrowed(text), true)
}

type Bind<'a> = Box<dyn FnOnce(Boxed<'a>) -> Boxed<'a> + Send + 'a>;
type Boxed<'a> = BoxedSqlQuery<'a, Pg, SqlQuery>;

/// A statement with its binds. `$1` is the first bind.
#[must_use = "a statement does nothing until it is executed or loaded"]
pub struct Statement<'a> {
    text: Cow<'static, str>,
    binds: Vec<Bind<'a>>,
    columns: Vec<(&'static str, Bind<'a>)>,
    cache: bool,
}

impl<'a> Statement<'a> {
    /// A statement whose text was put together at run time. Values still go in as binds, never as text.
    pub fn dynamic(text: String) -> Self {
        Self::new(Cow::Owned(text), false)
    }

    fn new(text: Cow<'static, str>, cache: bool) -> Self {
        Self { text, binds: Vec::new(), columns: Vec::new(), cache }
    }

    /// Binds the next parameter.
    pub fn bind<V>(mut self, value: V) -> Self
    where
        V: Column + ToSql<V::Sql, Pg> + Send + 'a,
        Pg: HasSqlType<V::Sql>,
    {
        self.binds.push(Box::new(move |query| query.bind::<V::Sql, V>(value)));
        self
    }

    /// Binds the next parameters, in order.
    pub fn binds<V: Binds<'a>>(self, values: V) -> Self {
        values.bind_to(self)
    }

    /// Binds a column of rows by the name it is declared with in the text (`{rows: name type, …}`).
    pub fn column<V>(mut self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self
    where
        V: Column + ToSql<V::Sql, Pg> + Send + 'a,
        V::Sql: SqlType,
        Pg: HasSqlType<V::Sql> + HasSqlType<Array<V::Sql>>,
        Vec<V>: ToSql<Array<V::Sql>, Pg>,
    {
        let values: Vec<V> = values.into_iter().collect();
        self.columns.push((name, Box::new(move |query| query.bind::<Array<V::Sql>, Vec<V>>(values))));
        self
    }

    /// Runs it; returns the number of rows it touched.
    pub async fn execute(self, mut conn: &AsyncPgConnection) -> Result<usize, Error> {
        Ok(RunQueryDsl::execute(self.prepare()?, &mut conn).await?)
    }

    /// Loads all rows, columns matched by name.
    pub async fn load<R>(self, mut conn: &AsyncPgConnection) -> Result<Vec<R>, Error>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        Ok(RunQueryDsl::load::<R>(self.prepare()?, &mut conn).await?)
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

    /// Columns are bound behind the other parameters, in the order the text declares them.
    fn prepare(self) -> Result<Cached<'a>, Error> {
        let Self { text, binds, mut columns, cache } = self;
        let (expanded, names) = columns::expand(&text)?;
        let mut query = diesel::sql_query(expanded.unwrap_or_else(|| text.clone().into_owned())).into_boxed();
        for bind in binds {
            query = bind(query);
        }
        for name in names {
            let place = columns.iter().position(|(given, _)| *given == name);
            let place = place.ok_or_else(|| Error::Other(format!("the statement's column {name} was not bound")))?;
            query = (columns.swap_remove(place).1)(query);
        }
        match columns.pop() {
            Some((name, _)) => Err(Error::Other(format!("the statement declares no column {name}"))),
            None => Ok(Cached { query, cache }),
        }
    }
}

/// Several values bound at once: tuples.
pub trait Binds<'a> {
    fn bind_to(self, statement: Statement<'a>) -> Statement<'a>;
}

macro_rules! tuple_binds {
    ($($name:ident)+) => {
        impl<'a, $($name),+> Binds<'a> for ($($name,)+)
        where
            $($name: Column + ToSql<$name::Sql, Pg> + Send + 'a, Pg: HasSqlType<$name::Sql>,)+
        {
            #[expect(non_snake_case, reason = "the type parameters name the values")]
            fn bind_to(self, statement: Statement<'a>) -> Statement<'a> {
                let ($($name,)+) = self;
                statement$(.bind($name))+
            }
        }
    };
}

tuple_binds!(A B);
tuple_binds!(A B C);
tuple_binds!(A B C D);
tuple_binds!(A B C D E);
tuple_binds!(A B C D E F);
tuple_binds!(A B C D E F G);
tuple_binds!(A B C D E F G H);
tuple_binds!(A B C D E F G H I);
tuple_binds!(A B C D E F G H I J);
tuple_binds!(A B C D E F G H I J K);
tuple_binds!(A B C D E F G H I J K L);

/// diesel's raw query, but allowed into the statement cache (keyed by its text).
struct Cached<'a> {
    query: Boxed<'a>,
    cache: bool,
}

impl QueryFragment<Pg> for Cached<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(self.cache)
    }
}

impl QueryId for Cached<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Cached<'_> {
    type SqlType = Untyped;
}
