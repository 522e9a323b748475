//! The columns that a reader makes of a source, in one place: a new mail is written with them, and one that is read again.

use postrider_storage::Statement;

use crate::content::Content;

/// Their names.
macro_rules! content_names {
    () => {
        "subject, sender_name, sender_email, sender_key, recipients, headers, text, html, has_attachments, size_bytes, \
         rfc_message_id, origin, parse_error, parser_version, protection, invitation"
    };
}

/// As rows bring them.
macro_rules! content_types {
    () => {
        "subject text, sender_name text, sender_email text, sender_key text, recipients text, headers text, text text, \
         html text, has_attachments bool, size_bytes bigint, rfc_message_id text, origin text, parse_error text, \
         parser_version smallint, protection text, invitation text"
    };
}

/// Of a row `n`, as the table has them.
macro_rules! content_values {
    () => {
        "n.subject, n.sender_name, n.sender_email, n.sender_key, n.recipients::jsonb, n.headers::jsonb, n.text, n.html, \
         n.has_attachments, n.size_bytes, n.rfc_message_id, n.origin, n.parse_error, n.parser_version, n.protection, \
         n.invitation::jsonb"
    };
}

/// Takes each from a row of that name.
macro_rules! content_from {
    ($row:literal) => {
        concat!(
            "subject = ",
            $row,
            ".subject, sender_name = ",
            $row,
            ".sender_name, sender_email = ",
            $row,
            ".sender_email, sender_key = ",
            $row,
            ".sender_key, recipients = ",
            $row,
            ".recipients, headers = ",
            $row,
            ".headers, text = ",
            $row,
            ".text, html = ",
            $row,
            ".html, has_attachments = ",
            $row,
            ".has_attachments, size_bytes = ",
            $row,
            ".size_bytes, rfc_message_id = ",
            $row,
            ".rfc_message_id, origin = ",
            $row,
            ".origin, parse_error = ",
            $row,
            ".parse_error, parser_version = ",
            $row,
            ".parser_version, protection = ",
            $row,
            ".protection, invitation = ",
            $row,
            ".invitation"
        )
    };
}

pub(in crate::store) use {content_from, content_names, content_types, content_values};

/// Binds them.
pub(in crate::store) fn with_contents<'a>(
    statement: Statement<'a>,
    contents: impl Iterator<Item = &'a Content> + Clone,
) -> Statement<'a> {
    let contents = || contents.clone();
    statement
        .column("subject", contents().map(|content| &content.subject))
        .column("sender_name", contents().map(|content| &content.sender.name))
        .column("sender_email", contents().map(|content| &content.sender.email))
        .column("sender_key", contents().map(|content| &content.sender_key))
        .column("recipients", contents().map(|content| &content.recipients))
        .column("headers", contents().map(|content| &content.headers))
        .column("text", contents().map(|content| content.text.as_deref()))
        .column("html", contents().map(|content| content.html.as_deref()))
        .column("has_attachments", contents().map(|content| content.has_attachments))
        .column("size_bytes", contents().map(|content| content.size_bytes))
        .column("rfc_message_id", contents().map(|content| &content.rfc_message_id))
        .column("origin", contents().map(|content| &content.origin))
        .column("parse_error", contents().map(|content| content.parse_error.as_deref()))
        .column("parser_version", contents().map(|content| content.parser_version))
        .column("protection", contents().map(|content| content.protection))
        .column("invitation", contents().map(|content| content.invitation.as_deref()))
}
