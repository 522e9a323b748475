//! Rows as structs whose columns are their fields.

/// Declares structs that rows are read into: columns are matched by the fields' names, and each field's SQL type
/// follows from its Rust type ([`crate::Column`]). Domain types parse themselves, so that no second struct is needed.
#[macro_export]
macro_rules! row {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)? })+) => {$(
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),* }

        impl $crate::QueryableByName<$crate::Pg> for $name {
            fn build<'a>(row: &impl $crate::NamedRow<'a, $crate::Pg>) -> $crate::RowResult<Self> {
                Ok(Self {
                    $($field: $crate::NamedRow::get::<<$type as $crate::Column>::Sql, $type>(row, stringify!($field))?,)*
                })
            }
        }
    )+};
}

/// One value of one column: `SELECT … AS value`.
#[derive(Debug, Clone)]
pub struct Value<T>(pub T);

impl<T> diesel::QueryableByName<diesel::pg::Pg> for Value<T>
where
    T: postrider_domain::sql::Column + diesel::deserialize::FromSql<T::Sql, diesel::pg::Pg>,
    diesel::pg::Pg: diesel::sql_types::HasSqlType<T::Sql>,
{
    fn build<'a>(row: &impl diesel::row::NamedRow<'a, diesel::pg::Pg>) -> diesel::deserialize::Result<Self> {
        diesel::row::NamedRow::get::<T::Sql, T>(row, "value").map(Self)
    }
}
