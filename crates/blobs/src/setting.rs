//! `ATTACHMENT_STORE`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where kept attachments lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AttachmentStore {
    #[default]
    Postgres,
    /// In a folder that all replicas share.
    Files(PathBuf),
    /// Below a folder of a bucket; the folder may be empty.
    S3 {
        bucket: String,
        folder: String,
    },
    Gcs {
        bucket: String,
        folder: String,
    },
}

/// Why a setting is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("it is none of postgres, file:///path, s3://bucket/folder, gs://bucket/folder")]
    Unknown,
    #[error("its bucket's name is missing or has other characters than a-z, 0-9, `.`, `-` and `_`")]
    Bucket,
    #[error("a file store is an absolute path, such as file:///var/lib/postrider/attachments")]
    Path,
    #[error("it holds a user, a query or a fragment; credentials come from the environment of the store's own tools")]
    Extra,
}

impl FromStr for AttachmentStore {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        if text == "postgres" {
            return Ok(Self::Postgres);
        }
        let url = Url::parse(text).map_err(|_none| SettingError::Unknown)?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(SettingError::Extra);
        }
        if url.scheme() == "file" {
            let path = url.to_file_path().map_err(|()| SettingError::Path)?;
            let has_name = path.is_absolute() && path.file_name().is_some();
            return if has_name { Ok(Self::Files(path)) } else { Err(SettingError::Path) };
        }
        let bucket = url.host_str().unwrap_or_default().to_owned();
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let folder = url.path().trim_matches('/').to_owned();
        match url.scheme() {
            "s3" | "gs" if bucket.is_empty() || !bucket.chars().all(word) => Err(SettingError::Bucket),
            "s3" => Ok(Self::S3 { bucket, folder }),
            "gs" => Ok(Self::Gcs { bucket, folder }),
            _ => Err(SettingError::Unknown),
        }
    }
}

impl fmt::Display for AttachmentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres => f.write_str("postgres"),
            Self::Files(path) => write!(f, "file://{}", path.display()),
            Self::S3 { bucket, folder } => write!(f, "s3://{bucket}/{folder}"),
            Self::Gcs { bucket, folder } => write!(f, "gs://{bucket}/{folder}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_is_named_and_everything_else_is_refused() {
        let in_s3 = |bucket: &str, folder: &str| AttachmentStore::S3 { bucket: bucket.into(), folder: folder.into() };
        for (text, store) in [
            ("postgres", Ok(AttachmentStore::Postgres)),
            ("file:///var/lib/blobs", Ok(AttachmentStore::Files("/var/lib/blobs".into()))),
            ("s3://mails", Ok(in_s3("mails", ""))),
            ("s3://mails/a/b/", Ok(in_s3("mails", "a/b"))),
            ("gs://mails_1/x", Ok(AttachmentStore::Gcs { bucket: "mails_1".into(), folder: "x".into() })),
            ("Postgres", Err(SettingError::Unknown)),
            ("", Err(SettingError::Unknown)),
            ("https://mails.example.org", Err(SettingError::Unknown)),
            ("file://", Err(SettingError::Path)),
            ("file:///", Err(SettingError::Path)),
            ("s3://", Err(SettingError::Bucket)),
            ("s3://key:secret@mails", Err(SettingError::Extra)),
            ("s3://mails?region=eu", Err(SettingError::Extra)),
        ] {
            assert_eq!(text.parse::<AttachmentStore>(), store, "{text}");
        }
        for text in ["postgres", "file:///var/lib/blobs", "s3://mails/a", "gs://mails/a"] {
            assert_eq!(text.parse::<AttachmentStore>().unwrap().to_string(), text);
        }
    }
}
