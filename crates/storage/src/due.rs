//! Rows that say when they are due: claimed by one replica at a time, on the database's clock, and put off on failure.
//!
//! A table of this kind has a column with the due time and one with the end of the claim. [`claim_due!`](crate::claim_due)
//! makes the statement; whoever worked a row off writes its next due time (see
//! [`Backoff::due`](postrider_runtime::Backoff::due)) and clears the claim in the same statement.

/// A replica that claimed a row and died gives it up after this many seconds.
pub const CLAIM_SECONDS: f64 = 60.0;

/// The text of a statement that claims due rows, longest due first, for [`CLAIM_SECONDS`]: `$1` is now, `$2` the
/// limit, `$3` the seconds. `of` is the table's key.
///
/// ```text
/// sql(claim_due!(table "grant_endings", of "id", due "due_at", claimed "claimed_until", returning "id, attempts"))
///     .binds((now, limit, CLAIM_SECONDS))
/// ```
#[macro_export]
macro_rules! claim_due {
    (table $table:literal, of $key:literal, due $due:literal, claimed $claimed:literal, returning $columns:expr) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $claimed,
            " = clock_timestamp() + make_interval(secs => $3) WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $due,
            " <= $1 AND (",
            $claimed,
            " IS NULL OR ",
            $claimed,
            " < clock_timestamp()) ORDER BY ",
            $due,
            " LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING ",
            $columns
        )
    };
}
