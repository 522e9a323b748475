//! How the words of this crate stand in SQL columns: `ToSql` and `FromSql`, and nothing else. A row struct then holds
//! domain types, and a value that does not parse is an error of the row that has it.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::{
    ConnectorId, EmailAddress, EmailId, EventId, GoogleSub, HistoryId, LabelId, MessageId, NotificationId, RunId,
    TenantId, ThreadId, UserId, WatchId,
};

/// A text column for a type with `as_str` and `FromStr`.
#[macro_export]
macro_rules! sql_text {
    ($($name:ty),+ $(,)?) => {$(
        impl ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                <str as ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg>>::to_sql(
                    self.as_str(),
                    out,
                )
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn from_sql(value: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
            }
        }

        impl $crate::sql::Column for $name {
            type Sql = ::diesel::sql_types::Text;
        }
    )+};
}

/// A `uuid` column for a type around a [`Uuid`].
macro_rules! sql_uuid {
    ($($name:ident),+ $(,)?) => {$(
        impl ToSql<SqlUuid, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<SqlUuid, Pg>::to_sql(&self.0, out)
            }
        }

        impl FromSql<SqlUuid, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                <Uuid as FromSql<SqlUuid, Pg>>::from_sql(value).map(Self)
            }
        }

        impl Column for $name {
            type Sql = SqlUuid;
        }
    )+};
}

/// The SQL type a Rust type is bound and read as. One each: a statement then needs no type beside a value.
pub trait Column {
    type Sql: Send + 'static;
}

sql_uuid!(ConnectorId, EmailId, EventId, NotificationId, RunId, WatchId);
sql_text!(TenantId, UserId, MessageId, ThreadId, LabelId, GoogleSub, EmailAddress);

impl ToSql<BigInt, Pg> for HistoryId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<BigInt, Pg>::to_sql(&self.as_i64(), &mut out.reborrow())
    }
}

impl FromSql<BigInt, Pg> for HistoryId {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(value).map(Self::from_i64)
    }
}

impl Column for HistoryId {
    type Sql = BigInt;
}

/// Columns of plain Rust types.
mod plain {
    use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
    use diesel::sql_types::{
        Array, BigInt, Bool, Bytea, Date, Double, Integer, Jsonb, Nullable, SmallInt, Text, Time, Timestamptz,
        Uuid as SqlUuid,
    };
    use uuid::Uuid;

    use super::Column;

    macro_rules! column {
        ($($rust:ty => $sql:ty),+ $(,)?) => {$(
            impl Column for $rust {
                type Sql = $sql;
            }
        )+};
    }

    column! {
        bool => Bool, i16 => SmallInt, i32 => Integer, i64 => BigInt, f64 => Double, str => Text, String => Text,
        Uuid => SqlUuid, DateTime<Utc> => Timestamptz, NaiveDate => Date, NaiveTime => Time, [u8] => Bytea,
        Vec<u8> => Bytea, serde_json::Value => Jsonb,
    }

    impl<T: Column + ?Sized> Column for &T {
        type Sql = T::Sql;
    }

    impl<T: Column> Column for Option<T> {
        type Sql = Nullable<T::Sql>;
    }

    impl<T: Column> Column for Vec<T> {
        type Sql = Array<T::Sql>;
    }

    impl<T: Column> Column for [T] {
        type Sql = Array<T::Sql>;
    }
}
